"""Entity tags (RFC 9110 §8.8.3): their form, and whether a client has what they stand for."""

import re
from collections.abc import Iterable

_OPAQUE = re.compile(r"[\x21\x23-\x7e\x80-\xff]+")
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')


def entity_tag(tag: str, *, weak: bool = False) -> str:
    """*tag* as the value of ``ETag``: in quotes, a weak one behind ``W/``.

    Raises:
        ValueError: *tag* is empty, or has a quote, a space or a control character.
    """
    if not _OPAQUE.fullmatch(tag):
        raise ValueError(
            f"entity tag {tag[:100]!r} must be a text without quotes, spaces and control "
            "characters; the quotes around it are added"
        )
    return f'W/"{tag}"' if weak else f'"{tag}"'


def weakened(etag: str) -> str:
    """The weak form of *etag*: of what was compressed, the bytes may differ from day to day."""
    return etag if etag.startswith("W/") else f"W/{etag}"


def is_known(etag: str, if_none_match: Iterable[str]) -> bool:
    """Whether the lines of ``If-None-Match`` have *etag*, compared weakly (RFC 9110 §13.1.2)."""
    opaque = etag.removeprefix("W/")
    return any(line.strip() == "*" or opaque in _TAG.findall(line) for line in if_none_match)
