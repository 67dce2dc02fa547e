"""The keys of a document: of operations, messages, channels and schemas."""

import re
from collections.abc import Container
from urllib.parse import unquote


def plain_name(text: str) -> str:
    """Return *text* as a key of a document, with only letters, digits, ``.``, ``-`` and ``_``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("_") or "_"


def decoded_key(step: str) -> str:
    """Return the key for *step*, a part of the JSON pointer in a ``$ref`` (RFC 6901, §6)."""
    return unquote(step).replace("~1", "/").replace("~0", "~")


def unique(name: str, taken: Container[str]) -> str:
    """Return *name*, with a number appended if it is in *taken*."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
