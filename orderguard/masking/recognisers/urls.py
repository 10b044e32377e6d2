"""Links that give access or name a person: with a token, a user, a personal page. A plain link to a product stays."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from orderguard.masking.spans import Span
from orderguard.masking.view import View

_URL = re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,10}://|\bwww\.)[^\s<>\"'`\x00-\x20]+", re.IGNORECASE)
_SECRETS = re.compile(
    r"^(?:.*(?:token|secret|sig|signature|auth|session|passw(?:or)?d|pwd|apikey|otp|jwt|invite|reset|confirm|verify|"
    r"unsubscribe|magic).*|"
    r"api_?key|key|sid|code|state|hash|hmac|email|e?mail|user(?:name|id|_id)?|uid|login|customer(?:_?id)?|name|"
    r"phone|tel|t|k|x-amz-.*|x-goog-.*|se|sv|sp)$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"^(?:utm_\w+|tracking\w*|track\w*|trknbr|awb|parcel\w*|shipment\w*|sku|ean|gtin|asin|article|item|variant|"
    r"color|colour|size|q|page|lang|ref|order\w*)$",
    re.IGNORECASE,
)
_PERSONAL_SITES = re.compile(
    r"^(?:[\w-]+\.)?(?:facebook|instagram|linkedin|twitter|x|tiktok|vk|xing|github|t|wa|paypal|snapchat|pinterest|"
    r"threads|telegram)\.(?:com|me|net)$",
    re.IGNORECASE,
)
_RANDOM = re.compile(
    r"(?=[^/]*\d)(?=[^/]*[a-z])[A-Za-z0-9_~.-]{20,}|(?=[^/]*\d)(?=[^/]*[a-z])(?=[^/]*[A-Z])[A-Za-z0-9_~-]{12,}|"
    r"(?=(?:[^/]*?[a-z][A-Z]){3})[A-Za-z0-9_~-]{16,}"
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_JWT = re.compile(
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|\b(?:sk|pk|rk|ghp|gho|xox[abp])[_-][\w-]{16,}|\bAIza[\w-]{30,}|"
    r"\bya29\.[\w-]{20,}"
)


def find(view: View) -> Iterator[Span]:
    """Links with a secret or a person in them, and bare access tokens."""
    text = view.text
    if "://" in text or "www." in view.folded:
        for match in _URL.finditer(text):
            url = match[0].rstrip(".,;:!?)]}")
            if names_or_opens(url):
                yield Span(match.start(), match.start() + len(url), "URL")
    if "_" in text or "." in text or "-" in text:
        for match in _JWT.finditer(text):
            yield Span(match.start(), match.end(), "URL")


def names_or_opens(url: str) -> bool:
    """Whether a link names a person or opens something without asking: user information, a secret parameter, a random
    path.
    """
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        return True
    if parts.username or parts.password:
        return True
    if _PERSONAL_SITES.match(parts.netloc) and len(parts.path) > 1:
        return True
    for name, value in parse_qsl(parts.query) + parse_qsl(parts.fragment):
        if not _HARMLESS.match(name) and (_SECRETS.match(name) or _random(value)):
            return True
    return any(_random(unquote(segment)) for segment in parts.path.split("/"))


def _random(segment: str) -> bool:
    return bool(_UUID.search(segment) or (_RANDOM.fullmatch(segment) and not _is_slug(segment)))


def _is_slug(segment: str) -> bool:
    """Words and numbers joined by hyphens: how shops name their pages."""
    words = re.split(r"[-_.~]", segment)
    return len(words) > 1 and all(word.isdigit() or word.isalpha() or len(word) <= 6 for word in words)
