"""Does a text hold a credential?

Made for configuration: environment variables, arguments, scripts, labels. A credential is told by the format of its
issuer, or by standing behind a name that asks for one, as long as the value itself is none of what harmless settings
hold: a reference to a secret store, the name of a key, a number, a path, a model. A detector returns what kind of thing
it saw, never the text.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from functools import cache
from math import log2
from typing import Final

from policies.patterns import lazy
from policies.shell import passwords

_FORMATS: Final[dict[str, str]] = {
    "a private key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\"private_key\\?\"\s*:\s*\\?\"(?![$<{%])"
    r"|\bAGE-SECRET-KEY-1[0-9A-Z]{58}",
    "a Google API key": r"\bAIza[0-9A-Za-z_\-]{35}",
    "a Google OAuth secret": r"\bGOCSPX-[0-9A-Za-z_\-]{20,}|\bya29\.[0-9A-Za-z_\-]{20,}|\b1//0[0-9A-Za-z_\-]{30,}",
    "an AWS key": r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}\b|\bABSK[0-9A-Za-z+/]{109,}"
    r"|bedrock-api-key-YmVkcm9jay5",
    "an Azure secret": r"(?<![\w~.\-])[\w~.]{3}[0-9]Q~[\w~.\-]{31,34}(?![\w~.\-])"
    r"|(?i:\b(?:AccountKey|SharedAccessKey))=[0-9A-Za-z+/]{43,88}={0,2}|[?&]sig=[0-9A-Za-z%+/]{40,}",
    "an Alibaba key": r"\bLTAI[0-9A-Za-z]{16,24}\b",
    "a GitHub token": r"\bgh[pousr]_[0-9A-Za-z]{36,}|\bgithub_pat_[0-9A-Za-z_]{50,}",
    "a GitLab token": r"\bgl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|oas|soat|ffct)-[0-9A-Za-z_\-]{20,}|\bGR1348941[\w\-]{20}"
    r"|_gitlab_session=[0-9a-z]{32}",
    "a Slack token": r"\bxox[abeoprs]-[0-9A-Za-z\-]{10,}|\bxoxe\.xox[bp]-[0-9]-[0-9A-Za-z]{100,}"
    r"|(?i:\bxapp-[0-9]-[0-9A-Z]+-[0-9]+-[0-9a-z]{10,})"
    r"|hooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Za-z_/\-]{20,}",
    "a chat's web address or token": r"\.webhook\.office\.com/webhookb2/[0-9a-f\-]{36}@"
    r"|discord(?:app)?\.com/api/webhooks/[0-9]{10,}/[\w\-]{30,}|\b[MNO][\w\-]{23,25}\.[\w\-]{6}\.[\w\-]{27,38}"
    r"|(?<![\w:])[0-9]{8,10}:[0-9A-Za-z_\-]{35}(?![\w\-])",
    "a Stripe key": r"\b(?:sk|rk)_(?:live|test|prod)_[0-9A-Za-z]{10,}|\bwhsec_[0-9A-Za-z+/=]{24,}",
    "a payment provider's key": r"\b(?:EAAA|sq0(?:atp|csp)-)[0-9A-Za-z_\-]{22,60}\b|\bFLWSECK_TEST-[0-9A-Za-z\-]{12,}"
    r"|\baccess_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}|\bshippo_(?:live|test)_[0-9a-fA-F]{40}"
    r"|\bEZ[AT]K[0-9A-Za-z]{54}|\bduffel_(?:test|live)_[\w\-=]{43}",
    "a SendGrid key": r"\bSG\.[0-9A-Za-z_\-]{16,}\.[0-9A-Za-z_\-]{16,}",
    "a mail provider's key": r"\bkey-[0-9a-f]{32}\b"
    r"|\bxkeysib-[0-9a-f]{64}-[0-9A-Za-z]{16}|\b[0-9a-f]{32}-us[0-9]{1,2}\b",
    "a Shopify token": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "a package registry token": r"\bnpm_[0-9A-Za-z]{36}|\bpypi-AgE[0-9A-Za-z_\-]{40,}|\brubygems_[0-9a-f]{48}"
    r"|\bCLOJARS_[0-9a-z]{60}|\boy2[0-9a-z]{43}\b|\bAKCp[0-9A-Za-z]{60,}|\bcmVmd[0-9A-Za-z]{59}"
    r"|//[\w.\-/]+/:_authToken=(?![$\{])\S{8,}|\bdckr_pat_[\w\-]{20,}",
    "a Pulumi token": r"\bpul-[0-9a-f]{40}\b",
    "a cloud token": r"\bdo[opr]_v1_[0-9a-f]{64}|\bdapi[0-9a-f]{32}(?:-[0-9])?\b|\bSK[0-9a-fA-F]{32}\b"
    r"|\bAC[0-9a-f]{32}\b|\bhv[bsr]\.[0-9A-Za-z_\-]{24,}|(?<![\w.])s\.[0-9A-Za-z]{24}(?![\w.])"
    r"|\b[0-9A-Za-z]{14}\.atlasv1\.[\w\-=]{60,}|\bdp\.(?:pt|st|sa|ct|scim|audit)\.[\w.\-]{40,}|\bHRKU-[\w\-]{36,}"
    r"|\bfo1_[\w\-]{43}|\bfm[12][ar]?_[0-9A-Za-z+/]{100,}|\bnfp_[0-9A-Za-z]{36,}|\bsbp_[0-9a-f]{40}"
    r"|\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}|\bsha256~[\w\-]{43}|\bK10[0-9a-f]{64}::\S{8,}|\bscw[0-9a-f\-]{36}",
    "a service's token": r"\bnt?n_[0-9A-Za-z]{40,}|\bsecret_[0-9A-Za-z]{43}\b|\blin_api_[0-9A-Za-z]{40}"
    r"|\bpat[0-9A-Za-z]{14}\.[0-9a-f]{64}|\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}|\bgl(?:c|sa)_[0-9A-Za-z+/_]{32,}"
    r"|\bsntry[su]_[0-9A-Za-z+/=_]{32,}|\bdt0c01\.[0-9A-Za-z]{24}\.[0-9A-Za-z]{64}|\bNRAK-[0-9A-Z]{27}"
    r"|\bNRJS-[0-9a-f]{19}|\bNRII-[\w\-]{32}|\bphc_[0-9A-Za-z]{40,}|\bsgp_(?:local_|[0-9a-fA-F]{16}_)?[0-9a-fA-F]{40}"
    r"|\bpscale_(?:tkn|oauth|pw)_[\w=.\-]{32,}|\bpnu_[0-9A-Za-z]{36}|\brdme_[0-9a-z]{70}|\bico-[0-9A-Za-z]{32}"
    r"|\bA3-[0-9A-Z]{6}-[0-9A-Z]{6,11}-[0-9A-Z\-]{11,}|\bops_eyJ[0-9A-Za-z+/]{200,}|\bp8e-[0-9a-z]{32}\b"
    r"|\bsm_[aps]at_[0-9A-Za-z]{16}|\bAPI-[0-9A-Z]{26}\b|\b[0-9A-Za-z]{6}_[0-9A-Za-z]{29}_mmk\b|\bfio-u-[\w\-=]{64}"
    r"|\btk-us-[\w\-]{48}|\b(?:pat|sat)\.[\w\-]{22}\.[0-9A-Za-z]{24}\.[0-9A-Za-z]{20}|\b4b1d[0-9A-Za-z]{38}\b"
    r"|\bs-s4t2(?:ud|af)-[0-9a-f]{64}|\bEAA[MC][0-9A-Za-z]{100,}|\bsdk-[0-9a-f]{8}-[0-9a-f\-]{27}\b",
    "a model provider's key": r"\bsk-(?:ant|proj|or|svcacct|admin|lf)-(?:(?=[\w\-]*[0-9])[0-9A-Za-z_\-]{20,}"
    r"|[0-9A-Za-z]{20,})"
    r"|\bsk-(?=[0-9A-Za-z]*[0-9])(?=[0-9a-z]*[A-Z]|[0-9a-f]{32,})[0-9A-Za-z]{20,}|\bhf_[A-Za-z]{30,}"
    r"|\bapi_org_[A-Za-z]{34}|\bpplx-[0-9A-Za-z]{40,}|\bgsk_[0-9A-Za-z]{40,}|\bxai-[0-9A-Za-z]{40,}"
    r"|\br8_[0-9A-Za-z]{37}",
    "a JSON web token": r"\bey[IJ][0-9A-Za-z_\-]{8,}\.ey[IJ][0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{8,}"
    r"|\bZXlK(?:aGJHY2lP|MGVYQWlP|cmFXUWlP)[0-9A-Za-z+/=]{20,}",
    "a URL with a password": r"(?<![a-z0-9+.\-])[a-z][a-z0-9+.\-]{1,30}://[^/\s:@?#\"']{0,200}:"
    r"(?![$<{%*]|x{3,}@|password@|pass(?:wd)?@)[^/\s@?#\"']{1,500}@|\b\w{1,40}:(?![$<{])[^\s:@/]{4,80}@tcp\(",
    "a masking key": r"\bk[0-9]+:[0-9A-Za-z_\-]{43}(?![0-9A-Za-z_\-])",
}
_KINDS = tuple(_FORMATS)


@cache
def _format() -> re.Pattern[str]:
    """One pattern of all formats, made when it is first needed: making it takes longer than importing the rest."""
    return re.compile("|".join(f"(?P<k{index}>{pattern})" for index, pattern in enumerate(_FORMATS.values())))


_HEADER = lazy(r"(?i)\b(bearer|basic) +([0-9a-z+/_=.~\-]{8,})")

_TELLING = lazy(
    r"(?i)(?:pass(?:word|wd|phrase|code)?|pwd|passw|secret|token|key|credentials?|salt|pepper|hmac|creds|contrase[nñ]a"
    r"|_?auth|pat|psk)s?(?=[^a-z]|[A-Z])"
)
"""Where a name may stand that asks for a secret."""
_ASSIGNED = lazy(
    r"""(?P<rest>[\w.\-]{0,24})\\?["'`)\]]{0,2}[ \t]{0,3}(?:string[ \t]{0,3})?
    (?:(?P<sign>:{0,3}=>?|\?=|\.=|==|:|,(?=[ \t]{0,3}["'`])|>)(?P<space>\s{0,12})|(?P<flag>[ \t]{1,3}))
    (?:\\?(?P<quote>["'`])(?P<quoted>[^\n]{1,400}?)\\?(?P=quote)|(?P<bare>[^\s"'`,;&|<>\\]{1,400}))""",
    re.VERBOSE,
)
_BEFORE = lazy(r"[\w.\-]*\Z")
_MAXIMUM_NAME = 80

_HUMP = lazy(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_AFTERTHOUGHT = lazy(r"v?[0-9]+|old|new|previous|current|value|data|plain|text|base|base64|b64|pem|string|literal|prod")
_OF_ACCOUNTS = frozenset(
    "admin auth client cluster database db default docker email ftp http initial jdbc key keystore ldap login mail "
    "master mongo mongodb mysql pg postgres postgresql proxy rabbitmq redis root service smtp sql ssh superuser system "
    "truststore user vault vpn web".split()
)
"""What stands before `pass` when that is a password, and no pass over data."""
_STAGES = frozenset("dev development live prod production qa stage staging test".split())
"""What may stand behind `password` as well: `PASSWORD_DB`, `DB_PASSWORD_PROD`."""
_OF_SIGNS_IN = frozenset("basic docker http https mongo npm proxy redis registry smtp valkey".split())
"""What stands before `auth` when that is a password, perhaps with a name before it."""
_OF_TOKENS = frozenset("github gitlab gh git azure devops bitbucket airtable harness".split())
_PASSES = ("dbpass", "userpass", "rootpass", "keypass", "storepass", "requirepass", "adminpass")
_NO_KEYS = frozenset(
    "accesskeyid answer arrow cache clustering compound config context dedup dictionary distribution encryptionkeyname "
    "event feature field foreign grid group hash hot idempotency index item join json kms lookup map message metric "
    "natural object order partition path primary property public publishable range redis registry rotation routing row "
    "s3 schema search shard shift sort state storage surrogate tag translation unique".split()
)
"""What stands before `key` when that is no secret."""
_NO_TOKENS = frozenset("bos cls continuation eos mask max min next num pad page pagination sep stop unk".split())

_NUMBER = lazy(r"[-+]?[0-9][0-9_.,]*(?:e[-+]?[0-9]+)?(?:ns|us|ms|[smhdwMy]|[kKMGTP]i?B?|%)?|0x[0-9a-fA-F]{1,8}")
_NOTHING = lazy(
    r"(?i)true|false|yes|no|on|off|null|nil|none|undefined|unset|empty|required|optional|enabled?|disabled?"
    r"|default|auto"
    r"|string|text|hidden|redacted|masked|removed|n/?a|todo|tbd|x{3,}|\*{2,}|\.{3,}|-+|_+"
)
_PLACEHOLDER = lazy(
    r"(?i)\$\{.*\}|\$\(.*|\$[a-z_]\w*|\$\$\w+|\{\{.*\}\}|\{[\w.:\-]*\}|%[\w]+%|<[^<>]*>|\[[^\[\]]*\]|@[\w.]+@|__\w+__"
    r"|#\{.*\}#?|(?:your|my|insert|enter|replace|add|put|set|change|some|the)(?:[-_ ].*)?[-_ ](?:here|this|it|me)"
    r"|(?:your|insert|enter|replace)[-_].*|replace_?me|.*_here|ENC\[.*\]|!\w+.*|.*\*{4,}.*|process\.env\..*"
    r"|os\.environ.*"
    r"|var\..*|local\..*|data\..*|secrets\..*|vault\..*|\w+\.get\(.*|env\..*"
)
_REFERENCE = lazy(
    r"(?i)(?:/*(?:\w+\.googleapis\.com/)?projects/[^/\s]+/.*)"
    r"|(?:sm|gsm|gcp-?sm|secret|secrets|secret-?manager|berglas|vault|op|kms|gcp-?kms"
    r"|aws-?kms|azure-?kms|hashivault|aws-?sm|ssm|arn|akv|azurekeyvault|keyvault|doppler|infisical|bws"
    r"|bitwarden|keeper|conjur"
    r"|ref\+\w+|env|file|gs|s3|k8s|kubernetes|age|sops|pass|lookup|gcp-?secret-?manager|gcpsecretmanager"
    r"|awssecretsmanager"
    r"|secretsmanager|param|config|vals|urn|sha256|pulumi|esc|configmap|secretkeyref|valuefrom)\??:.*"
    r"|keyRings/.*|cryptoKeys/.*|locations/.*|secrets/.*|@Microsoft\.KeyVault\(.*"
)
_PATH = lazy(
    r"(?:\.{0,2}/|~/|[A-Za-z]:\\)[^\s:@]*|[\w.\-%$]+(?:/[\w.\-%$]+)*\.(?:pem|crt|cer|key|json|ya?ml|txt|env|jks"
    r"|p12|pfx|pub|asc|toml|ini|conf|csv|py|js|sh|sql)"
)
_ADDRESS = lazy(
    r"(?i)[a-z][a-z0-9+.\-]*://[^\s@]*|(?:[\w\-]+\.)+(?:com|org|net|io|dev|local|internal|svc|app|cloud|eu|de"
    r"|svc\.cluster\.local)"
    r"(?::[0-9]+)?(?:/[^\s@]*)?|localhost(?::[0-9]+)?|[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+"
)
_PART = r"(?:[A-Za-z]{1,24}[0-9]{0,3}|v?[0-9]{1,4}(?:\.[0-9]{1,3})*[a-z]?)"
_SLUG = lazy(rf"[A-Za-z]{{1,24}}|{_PART}(?:[-_.:/@ ]{_PART})+")
"""Words, perhaps with a version: `sk-learn-isolation-forest-v2`, `customer_id`, `orders:v1`."""

_CANDIDATE = lazy(r"(?<![0-9A-Za-z+_=\-])[0-9A-Za-z+_\-]{20,}={0,2}")
_PUBLIC = lazy(
    r"-----BEGIN (?:[A-Z0-9]+ )*(?:CERTIFICATE|PUBLIC KEY)(?: REQUEST)?-----[^-]{0,20000}"
    r"|\bAAAA[A-Z][0-9A-Za-z+/]{16,}={0,2}"
    r"|(?<![\w/:.+\-])[\w.+\-]{1,80}@[\w\-]{1,60}(?:\.[\w\-]{1,60})+"
)
"""What everybody may see and is as random: certificates, public keys (those of SSH begin so), addresses."""
_RUN = lazy(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_MINIMUM_ENTROPY = 3.7
"""Bits a character. 20 characters of random base64 have 4.0 on average; words and names stay under 3.6 or change
class rarely.
"""
_MINIMUM_RUNS = 0.38
"""Words, abbreviations and numbers for each character: 0.55 in random base64, under 0.3 in CamelCase words."""

PASSWORD, SECRET = "a password", "a secret"
_OF_A_NUMBER = lazy(r"(?i)(?:id|uuid|hash|sha(?:1|256)?|digest|checksum|fingerprint|etag|version)$")


def credential_in(text: str, *, by_format_alone: bool = False) -> str | None:
    """The kind of credential that a text seems to hold ("an AWS key"), or None.

    Where random characters are usual (ids, fingerprints) `by_format_alone` takes none of them for a secret.
    """
    if len(text) < 8:
        return None
    match = _format().search(text)
    if match is not None and match.lastgroup is not None:
        return _KINDS[int(match.lastgroup[1:])]
    for header in _HEADER.finditer(text):
        if _authorizes(header[1].lower(), header[2]):
            return "an authorization header"
    if (kind := password_in_command(text) or _assigned_in(text)) is not None or by_format_alone:
        return kind
    for candidate in _CANDIDATE.finditer(_PUBLIC.sub(" ", text)):
        if _looks_random(candidate.group().rstrip("=")):
            return "a random secret (high entropy)"
    return None


def password_in_command(text: str) -> str | None:
    """ "a password" where a command takes one by its place, or None."""
    return PASSWORD if any(not _is_harmless(password) for password in passwords(text)) else None


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret (`API_KEY`, `DB_PASSWORD`), rather than something about one
    (`API_KEY_REQUIRED`).
    """
    return _asks_for(name) is not None


def names_a_number(name: str) -> bool:
    """Whether a variable of this name holds random characters that are no secret: an id, a fingerprint, a hash."""
    return _OF_A_NUMBER.search(name) is not None


def is_secret(name: str, value: str) -> bool:
    """Whether a value that stands under this name is a secret in clear: the name asks for one, and the value is
    neither a reference, a placeholder, a number, a path nor, but for passwords, plain words.
    """
    kind = _asks_for(name)
    if kind is None or len(value) < 3 or _is_harmless(value):
        return False
    return kind == PASSWORD or _looks_secret(value)


def _asks_for(name: str) -> str | None:
    """What a name asks for: a password, another secret, or nothing that has to be kept."""
    words = [word.lower() for part in re.split(r"[^A-Za-z0-9]+", name) for word in _HUMP.split(part) if word]
    while len(words) > 1 and (_AFTERTHOUGHT.fullmatch(words[-1]) or words[-1] in _STAGES):
        words.pop()
    if not words:
        return None
    last, before = words[-1].rstrip("0123456789") or words[-1], words[-2] if len(words) > 1 else ""
    if before in {"password", "passwd", "pwd"} and last in _OF_ACCOUNTS:
        return SECRET
    if last.endswith(("password", "passwd", "passphrase", "passcode", "pwd", "passw", "contrasena", "psk")):
        return PASSWORD
    if last in {"pass", "passwords", "pw"} or last.endswith(_PASSES):
        return PASSWORD if not before or before in _OF_ACCOUNTS or last not in {"pass", "pw"} else None
    if last == "auth" and before in _OF_SIGNS_IN:
        return SECRET
    if last.endswith(("secret", "secrets")) or last in {"salt", "pepper", "hmac", "credential", "credentials", "creds"}:
        return SECRET
    if last.endswith("token") or last == "tokens" and before in {"api", "access", "auth"}:
        return SECRET if before not in _NO_TOKENS else None
    if last == "pat" and before in _OF_TOKENS:
        return SECRET
    if last in {"key", "apikey", "secretkey", "accesskey", "privatekey", "authkey"}:
        return SECRET if before not in _NO_KEYS else None
    if last in {"keys", "apikeys"}:
        return SECRET if last == "apikeys" or before in {"api", "access", "secret", "private"} else None
    return SECRET if last == "dsn" else None


def _assigned_in(text: str) -> str | None:
    """The kind of secret that a text gives to a name: `export DB_PASSWORD=…`, `{"token": "…"}`, `--db-password …`."""
    for telling in _TELLING.finditer(text):
        assigned = _ASSIGNED.match(text, telling.end())
        if assigned is None:
            continue
        before = _BEFORE.search(text, max(0, telling.start() - _MAXIMUM_NAME), telling.start())
        begin = before.start() if before else telling.start()
        name = text[begin : telling.end()] + assigned["rest"]
        if text[max(0, begin - 2) : begin] == "${":
            continue  # A default or a complaint of the shell's: `${PASSWORD:-…}`.
        if assigned["flag"] and not (
            name.startswith("-") and len(name) > 4 and text[begin - 1 : begin] in {"", " ", '"', "'", "\n"}
        ):
            continue
        value = assigned["quoted"] or assigned["bare"]
        kind = _asks_for(name.lstrip("-").split(".")[-1] if assigned["rest"].startswith(".") else name.lstrip("-"))
        if kind is None or len(value) < 6 or _is_harmless(value):
            continue
        prose = (
            assigned["bare"]
            and assigned["sign"] in {":", ">"}
            and assigned["space"]
            and _is_prose(text, begin, assigned.end())
        )
        if prose and _SLUG.fullmatch(value):
            continue
        if kind == PASSWORD or _looks_secret(value):
            return kind
    return None


def _is_prose(text: str, begin: int, end: int) -> bool:
    """Whether the assignment is part of a longer line: `the token: a word of the text`."""
    line_begin = max(text.rfind("\n", 0, begin), text.rfind("{", 0, begin)) + 1
    return bool(text[line_begin:begin].strip(" \t-\"'")) or text[end : end + 1] not in {"", "\n", "\r", ",", "}"}


def _is_harmless(value: str) -> bool:
    """Whether a value is what no secret is: a number, a word for nothing, a placeholder, a reference, a place."""
    bare = value.strip().strip("\"'`")
    return not bare or any(
        pattern.fullmatch(bare) for pattern in (_NUMBER, _NOTHING, _PLACEHOLDER, _REFERENCE, _PATH, _ADDRESS)
    )


def _looks_secret(value: str) -> bool:
    """Whether a value has what keys and tokens have: letters with digits or signs among them, and no plain words."""
    mixed = len(value) >= 20 and len(_RUN.findall(value)) >= _MINIMUM_RUNS * len(value)
    if len(value) < 6 or (_SLUG.fullmatch(value) and not mixed) or value.count(" ") > 2:
        return False
    letters, digits = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    signs = any(sign in "!@#$%^&*+/=~?" for sign in value)
    return letters and (digits or signs or mixed)


def _authorizes(scheme: str, value: str) -> bool:
    """Whether what stands behind `Bearer` or `Basic` opens a door, and is no word of a sentence."""
    if scheme != "basic":
        return len(value) >= 16 and _looks_secret(value) and any(map(str.isdigit, value))
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii() and decoded.decode("ascii").isprintable()


def _looks_random(token: str) -> bool:
    if not (any(c.isupper() for c in token) and any(c.islower() for c in token) and any(c.isdigit() for c in token)):
        return False
    if len(_RUN.findall(token)) < _MINIMUM_RUNS * len(token):
        return False
    counts = Counter(token)
    return -sum(count / len(token) * log2(count / len(token)) for count in counts.values()) >= _MINIMUM_ENTROPY
