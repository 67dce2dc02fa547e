"""The cookies that a client sends back (RFC 6265 §4.2.1, §5.4).

`http.cookies` is not used: it reads some names as attributes, strips white space that browsers
keep, and before Python 3.11.10 its time grows with the square of the length (CVE-2024-7592).
"""

import re

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z:-]+")
VALUE = re.compile(r"[^\0-\x08\x0a-\x1f\x7f\ud800-\udfff]*")
"""A valid value, with and without its quotes and escapes: it may be written to a header."""

_ESCAPED = re.compile(r"\\(?:([0-3][0-7]{2})|(.))")


def parse_cookies(header: str) -> dict[str, str]:
    """Read a ``Cookie`` header; invalid pairs are ignored.

    Of two cookies with the same name the first is used: browsers send the cookie with the longer
    path first. Only spaces and tabs are stripped. Other white space would let a client send
    another name that is then read as one with the prefix ``__Host-``.
    """
    cookies: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if "=" not in pair or not _NAME.fullmatch(name) or not VALUE.fullmatch(value):
            continue
        value = _unquoted(value)
        if VALUE.fullmatch(value):  # an escape may stand for a character that is not allowed
            cookies.setdefault(name, value)
    return cookies


def _unquoted(value: str) -> str:
    """Decode the quotes and escapes of `http.cookies`, which ``set_cookie`` uses."""
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return _ESCAPED.sub(_character, value[1:-1])


def _character(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 8)) if escaped[1] else escaped[2]
