"""Python values as the texts of a query or a form."""

from collections.abc import Mapping
from typing import Any

from multidict import MultiDict

from rxkernel.kernel.serialization import SERIALIZER, Serializer


def texts_of(
    given: Mapping[str, Any], what: str, serializer: Serializer = SERIALIZER
) -> MultiDict[str]:
    """Encode *given* as the names and texts of a query or a form.

    A list or tuple repeats its name for each value, None is omitted, bool becomes ``true`` or
    ``false``; dates, enums, UUIDs and decimals are encoded as in JSON.

    Raises:
        ValueError: a value cannot be written as text; the message has *what* and the name.
    """
    texts: MultiDict[str] = MultiDict()
    for name, value in given.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                texts.add(name, text_of(item, f"{what} {name!r}", serializer))
    return texts


def text_of(value: Any, what: str, serializer: Serializer) -> str:
    """Like `texts_of`, for one value.

    Raises:
        ValueError: *value* cannot be written as text; the message has *what*.
    """
    try:
        plain = serializer.to_plain(value)
    except (TypeError, ValueError, RecursionError):
        plain = None
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if not isinstance(plain, str | int | float):
        raise ValueError(f"{what} is {value!r:.100}, which cannot be written as text; pass a str")
    return str(plain)
