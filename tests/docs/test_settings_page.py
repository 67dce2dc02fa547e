"""The table of docs/settings.md equals the attrs classes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import attrs

from rxkernel import Settings
from rxkernel.settings import Allowed
from tests.required_tools import ROOT

_BYTES = (
    "body_limit",
    "upload_limit",
    "file_limit",
    "max_line_size",
    "max_field_size",
    "compression_minimum",
    "max_payload",
    "max_outbound_bytes",
)
_ROW = re.compile(r"^\| `([a-z._]+)` \| (\S+) \| (\w*) ?\|", re.MULTILINE)


def test_table_of_settings_equals_the_classes() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert _ROW.findall(page) == list(rows(Settings()))


def rows(settings: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    for field in attrs.fields(type(settings)):
        name, value = f"{path}{field.name}", getattr(settings, field.name)
        if attrs.has(type(value)):
            yield from rows(value, f"{name}.")
        elif name not in ("bundles", "app"):
            yield name, "none" if value is None else f"`{json.dumps(value)}`", unit(field)


def unit(field: "attrs.Attribute[Any]") -> str:
    if isinstance(field.validator, Allowed) and field.validator.text.startswith("seconds"):
        return "seconds"
    return "bytes" if field.name in _BYTES else ""
