"""Passwords that a command takes by their place, with no name before them: `docker login -p …`, `… | chpasswd`."""

from __future__ import annotations

from collections.abc import Iterator

from policies.patterns import lazy

_VALUE = r"(?:\"([^\"\n]{3,200})\"|'([^'\n]{3,200})'|([^\s\"'|;&<>]{3,200}))"
_QUOTED = r"(?:\\?[\"'`]([^\"'`\n]{3,200}?)\\?[\"'`])"
_ON = r"[^\n|;&]{0,120}?\s"
"""The rest of a command, as far as its next word."""

_COMMANDS = lazy(
    "(?i:"
    + "|".join(
        (
            # SQL: ALTER USER … IDENTIFIED BY '…', CREATE ROLE … PASSWORD '…', SET PASSWORD FOR … = '…'
            rf"\bidentified\s+(?:with\s+\w+\s+)?(?:by|as)\s+(?:password\s+)?{_QUOTED}",
            rf"\b(?:user|role|login)\s[^;\n]{{0,200}}?\bpassword\s*(?:=\s*)?{_QUOTED}",
            rf"\bset\s+password\s[^;\n]{{0,100}}?(?:=|\bto\b)\s*(?:password\()?{_QUOTED}",
            # Tools with an option of their own for it.
            rf"\b(?:curl|http|https|xh)\b{_ON}(?:-u|-a|--user|--proxy-user|--auth)"
            r"[ =]?[\"']?[\w.@%+\-]{1,60}:([^\s\"'|;&<>]{3,200})",
            r"\b(?:docker|podman|nerdctl|buildah|skopeo|oras|crane|helm|az|cf|oc)\s(?:[\w\-]{1,20}\s)?"
            rf"login\b{_ON}-p[ =]?{_VALUE}",
            rf"\bsshpass\s+-p\s?{_VALUE}",
            rf"\b(?:mysql\w*|mariadb(?:-\w+)?)\b{_ON}-p{_VALUE}",
            rf"\bmongo(?:sh|dump|restore|export|import)?\b{_ON}-p\s?{_VALUE}",
            rf"\b(?:redis-cli|valkey-cli)\b{_ON}-a\s?{_VALUE}",
            rf"\b(?:requirepass|masterauth)\s+{_VALUE}",
            rf"\bsqlcmd\b{_ON}-P\s?{_VALUE}",
            rf"\bldap(?:search|modify|add|delete|passwd)\b{_ON}-w\s?{_VALUE}",
            rf"\b(?:useradd|usermod)\b{_ON}-p\s?{_VALUE}",
            rf"\brabbitmqctl\b{_ON}(?:add_user|change_password)\s+\S{{1,60}}\s+{_VALUE}",
            rf"\bhtpasswd\s+-\w*b\w*\s+(?:\S{{1,200}}\s+)?\S{{1,60}}\s+{_VALUE}",
            rf"\bnet\s+user\s+\S{{1,60}}\s+{_VALUE}\s+/",
            rf"\bopenssl\b{_ON}-pass(?:in|out)?\s+pass:{_VALUE}",
            rf"\b(?:aws|gcloud|git|npm|yarn|pip|poetry|composer)\b{_ON}(?:config|configure)\b[^\n|;&]{{0,80}}?"
            rf"[\w.\-]*(?:secret|token|passw(?:or)?d|api_?key|_auth)[\w.\-]*\s+{_VALUE}",
            # What is told to a command that asks for it.
            r"\b(?:echo|printf)\s+(?:-\w+\s+)?[\"']?[\w.\-]{1,60}:([^\s\"'|]{3,200})[\"']?"
            r"\s*\|\s*(?:sudo\s+)?chpasswd",
            r"\bchpasswd\s*<<<\s*[\"']?[\w.\-]{1,60}:([^\s\"'|]{3,200})",
            rf"\b(?:echo|printf)\s+(?:-\w+\s+)?{_VALUE}\s*\|[^\n|]{{0,200}}--password-stdin",
            # A .netrc: machine … login … password …
            rf"\b(?:machine\s+\S{{1,200}}|default)\s+login\s+\S{{1,100}}\s+password\s+{_VALUE}",
        )
    )
    + ")"
)


def passwords(text: str) -> Iterator[str]:
    """What stands in a text where a command or a statement of SQL takes a password."""
    if " " not in text:
        return
    for match in _COMMANDS.finditer(text):
        yield next(group for group in match.groups() if group)
