"""The table of docs/operate/settings.md equals the attrs classes."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import attrs

from rxkernel import Settings
from rxkernel.application.settings_fields import default_of, group_of
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
    "max_memory",
)
_ROW = re.compile(r"^\| `([a-z._]+)` \| (`[^`]*`|\w+) \| (\w*) ?\|", re.MULTILINE)


def test_table_of_settings_equals_the_classes() -> None:
    page = (ROOT / "docs" / "operate" / "settings.md").read_text(encoding="utf-8")

    assert _ROW.findall(page) == list(rows(Settings))


def rows(cls: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(cls)
    for field in attrs.fields(cls):
        name, value = f"{path}{field.name}", default_of(field)
        if (group := group_of(hints[field.name])) is not None:
            yield from rows(group, f"{name}.")
        elif name not in ("bundles", "app"):
            yield name, text_of(value), unit(field)


def text_of(default: object) -> str:
    if default is attrs.NOTHING:
        return "required"
    return "none" if default is None else f"`{json.dumps(default)}`"


def unit(field: "attrs.Attribute[Any]") -> str:
    if isinstance(field.validator, Allowed) and field.validator.text.startswith("seconds"):
        return "seconds"
    return "bytes" if field.name in _BYTES else ""
