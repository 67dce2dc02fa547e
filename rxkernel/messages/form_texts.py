"""Converts texts of HTML forms to the texts that msgspec reads."""

import re
from collections.abc import Iterable
from datetime import datetime, time
from types import MappingProxyType
from typing import Any

_BOOL_WORDS = MappingProxyType({"on": True, "yes": True, "off": False, "no": False})
"""A checkbox sends ``on``, users type the others. msgspec reads only ``true``, ``1`` and so on."""

_WITHOUT_SECONDS = MappingProxyType(
    {
        datetime: re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII),
        time: re.compile(r"\d\d:\d\d", re.ASCII),
    }
)
"""HTML Standard: the inputs ``datetime-local`` and ``time`` omit seconds that are 0."""


def replace_form_text(raw: str, types: Iterable[Any]) -> Any:
    """Return *raw*, a text for one of *types*, as msgspec reads it; other texts unchanged."""
    types = tuple(types)
    if str in types:
        return raw
    if bool in types and (word := raw.lower()) in _BOOL_WORDS:
        return _BOOL_WORDS[word]
    if any(kind in types and form.fullmatch(raw) for kind, form in _WITHOUT_SECONDS.items()):
        return f"{raw}:00"
    return raw
