"""Entity tags (RFC 9110 §8.8.3): their syntax, and their comparison with those of a request."""

import re
from collections.abc import Iterable

_OPAQUE = re.compile(r"[\x21\x23-\x7e\x80-\xff]+")
# A negated class: the set of valid characters takes Python thirty times as long to compile.
TAG = re.compile(r'(W/)?("[^\x00-\x20"\x7f]*")')


def entity_tag(tag: str, *, weak: bool = False) -> str:
    """*tag* as the value of ``ETag``: in quotes, with ``W/`` in front if it is weak.

    Raises:
        ValueError: *tag* is empty, or has a quote, a space or a control character.
    """
    if not _OPAQUE.fullmatch(tag):
        raise ValueError(
            f"invalid entity tag {tag[:100]!r}: use one or more characters, no quotes, spaces or "
            "control characters; rxkernel adds the quotes around it"
        )
    return f'W/"{tag}"' if weak else f'"{tag}"'


def weakened(etag: str) -> str:
    """The weak form of *etag*, for bytes that may differ from one compression to the next."""
    return etag if etag.startswith("W/") else f"W/{etag}"


def of_form(etag: str, form: str) -> str:
    """*etag* for the same content in another *form*, whose bytes differ (RFC 9110 §8.8.1)."""
    return f'{etag[:-1]}-{form}"' if etag.endswith('"') else etag


def is_among(etag: str, lines: Iterable[str], *, strong: bool = False) -> bool:
    """Whether the *lines* of ``If-None-Match`` or ``If-Match`` contain *etag*, or are ``*``.

    With *strong*, a weak tag equals no other (RFC 9110 §8.8.3.2).
    """
    own = TAG.fullmatch(etag)
    opaque = own[2] if own is not None and not (strong and own[1]) else None
    return any(
        line.strip() == "*"
        or any(tag == opaque and not (strong and weak) for weak, tag in TAG.findall(line))
        for line in lines
    )
