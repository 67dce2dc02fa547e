"""``.csv``, as the module ``csv`` reads it."""

import csv
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import attrs
import pytest

from tests.bundles.web.extensions.forms import form_of


@attrs.frozen
class City:
    since: date
    name: str
    size: Decimal


def read(data: Any) -> list[list[str]]:
    return [*csv.reader(StringIO(form_of("csv", data), newline=""), strict=True)]


def test_csv_mappings_have_a_header_of_all_keys() -> None:
    data = [{"id": 1, "name": "a"}, {"id": 2, "city": "x, y"}]

    assert form_of("csv", data) == 'id,name,city\r\n1,a,\r\n2,,"x, y"\r\n'


def test_csv_lists_are_written_as_rows() -> None:
    assert form_of("csv", [[1, "a"], (2.5, None)]) == "1,a\r\n2.5,\r\n"


def test_csv_objects_have_the_columns_of_their_class_in_its_order() -> None:
    data = [City(date(1934, 6, 24), "Kyiv", Decimal("-1.50"))]

    assert form_of("csv", data) == "since,name,size\r\n1934-06-24,Kyiv,-1.50\r\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (0, "0\r\n"),
        ("", '""\r\n'),
        (False, "false\r\n"),
        (None, ""),
        ([], ""),
        ({}, '""\r\n""\r\n'),
        ([[]], '""\r\n'),
        ([[None]], '""\r\n'),
        ([1, "a", True], "1\r\na\r\ntrue\r\n"),
        ({"a": 1, "b": None}, "a,b\r\n1,\r\n"),
        ([[float("nan"), float("inf"), 1e300]], ",,1e+300\r\n"),
        ([[["a"], {"b": 1}]], '"[""a""]","{""b"":1}"\r\n'),
    ],
    ids=str,
)
def test_csv_value_has_its_form(data: Any, text: str) -> None:
    assert form_of("csv", data) == text


@pytest.mark.parametrize(
    "text", ['"', "a\nb", "a\r\nb", "a,b", " a ", "a;b", "a\tb", "имя", "\U0001f600", "a|b", "'a"]
)
def test_csv_text_is_read_unchanged(text: str) -> None:
    """RFC 4180 §2."""
    assert read([[text, 1], {"a": 1}.keys()]) == [[text, "1"], ["a"]]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1",
        "-1+1",
        "-",
        "-1e5",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        '=HYPERLINK("http://x","y")',
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
    ],
)
def test_csv_text_that_begins_as_a_formula_gets_a_prefix(text: str) -> None:
    """OWASP, "CSV Injection"; also in the header."""
    assert read([{text: text}]) == [[f"'{text}"], [f"'{text}"]]


def test_csv_none_in_a_column_of_numbers_is_not_an_empty_text() -> None:
    """Databases distinguish them: PostgreSQL's COPY reads ``""`` as a text."""
    assert form_of("csv", [[1, None, ""], [None, 2, "a"]]) == '1,,""\r\n,2,a\r\n'


@pytest.mark.parametrize("text", ["a;=1+1", "a\t=1+1", "a\r\n=1+1", 'a";=1+1'])
def test_csv_text_with_another_separator_is_quoted(text: str) -> None:
    """Spreadsheets of many countries separate cells by ``;``."""
    body = form_of("csv", [[text]])

    assert body == '"' + text.replace('"', '""') + '"\r\n'


@pytest.mark.parametrize(
    ("number", "text"),
    [(-5, "-5"), (-0.5, "-0.5"), (Decimal("-1E+5"), "-1E+5"), (Decimal("-3"), "-3")],
)
def test_csv_negative_number_stays_a_number(number: Any, text: str) -> None:
    assert form_of("csv", [[number]]) == f"{text}\r\n"


def test_csv_control_characters_are_replaced() -> None:
    """A program that drops NUL would read the formula after it."""
    assert form_of("csv", [["\0=1\x1b", "\ud800"]]) == "\ufffd=1\ufffd,\ufffd\r\n"


def test_csv_list_in_a_cell_that_json_cannot_hold_raises() -> None:
    """The value cannot be sent as text in ``.json`` either."""
    with pytest.raises(UnicodeEncodeError):
        form_of("csv", [[["\ud800"]]])


@pytest.mark.parametrize("data", [[{"a": 1}, [1]], [[1], {"a": 1}], [{"a": 1}, 1]])
def test_csv_rows_of_two_kinds_raise_type_error(data: Any) -> None:
    with pytest.raises(TypeError, match="return rows of one kind"):
        form_of("csv", data)


def test_csv_large_data_are_read_again() -> None:
    data = [{"id": n, "text": f'"{n}";\r\n'} for n in range(20_000)]

    rows = read(data)

    assert rows[1:] == [[str(n), f'"{n}";\r\n'] for n in range(20_000)]
