"""``.json``."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pytest

from rxkernel import encode_json
from tests.bundles.web.extensions.forms import form_of


@attrs.frozen
class City:
    name: str
    since: date


class Point(msgspec.Struct):
    x: float
    y: float


@pytest.mark.parametrize(
    ("data", "text"), [(0, "0"), ("", '""'), (False, "false"), (None, "null"), ([], "[]")]
)
def test_json_falsy_value_is_written(data: Any, text: str) -> None:
    """Impress of 2015 responded with 400 for it."""
    assert form_of("json", data) == text


@pytest.mark.parametrize(
    "data",
    [
        City("Kyiv", date(1934, 6, 24)),
        Point(1.5, float("nan")),
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        {1: Decimal("1.50"), "id": UUID(int=7), "bytes": b"\x00\xff"},
        {"set": {1}, "tuple": (1, None, True)},
        "</script> \u2028",
    ],
    ids=["attrs", "msgspec", "datetime", "scalars", "containers", "text"],
)
def test_json_value_has_the_form_of_the_kernel(data: Any) -> None:
    assert form_of("json", data).encode() == encode_json(data)


def test_json_value_that_cannot_be_encoded_raises_type_error() -> None:
    with pytest.raises(TypeError, match=r"builtins\.object cannot be encoded as JSON"):
        form_of("json", object())
