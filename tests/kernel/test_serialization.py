"""Fields of an instance that are encoded."""

from dataclasses import dataclass
from typing import Any

import attrs
import msgspec
import pytest

from rxkernel.kernel.serialization import encode_json, to_plain


@attrs.frozen
class Attrs:
    name: str = "a"
    _token: str = "t"


@dataclass
class Data:
    name: str = "a"
    _token: str = "t"


class Struct(msgspec.Struct):
    name: str = "a"
    _token: str = "t"


@pytest.mark.parametrize(
    ("value", "names"),
    [(Attrs(), {"name"}), (Data(), {"name", "_token"}), (Struct(), {"name", "_token"})],
)
def test_fields_with_underscore_are_omitted_for_attrs_only(value: Any, names: set[str]) -> None:
    """As in msgspec; documented in docs/guide/responses.md."""
    assert to_plain(value).keys() == msgspec.json.decode(encode_json(value)).keys() == names
