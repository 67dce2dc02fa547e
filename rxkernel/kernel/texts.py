"""Python values as the texts of a query or a form."""

from collections.abc import Mapping
from typing import Any

from multidict import MultiDict

from rxkernel.kernel.serialization import to_plain


def texts_of(given: Mapping[str, Any], what: str) -> MultiDict[str]:
    """Encode *given* as the names and texts of a query or a form.

    A list or tuple repeats its name for each value, None is omitted, bool becomes ``true`` or
    ``false``; dates, enums, UUIDs and decimals are encoded as in JSON.

    Raises:
        ValueError: a value has no plain text; the message has *what* and the name.
    """
    texts: MultiDict[str] = MultiDict()
    for name, value in given.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                texts.add(name, _text(item, f"{what} {name!r}"))
    return texts


def _text(value: Any, what: str) -> str:
    try:
        plain = to_plain(value)
    except (TypeError, ValueError, RecursionError):
        plain = None
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if not isinstance(plain, str | int | float):
        raise ValueError(f"{what} is {value!r:.100}, which has no plain text; pass a str")
    return str(plain)
