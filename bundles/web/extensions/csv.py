"""``.csv``: a table (RFC 4180), safe to open in a spreadsheet.

The module ``csv`` is not used. By default it leaves ``;`` unquoted, which separates cells in the
spreadsheets of many countries, so that the rest of a text could be a formula. With
``QUOTE_NONNUMERIC`` it writes None as ``""``, which databases reject in a column of numbers. With
the same checks of cells it is hardly faster.
"""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import attrs

from bundles.web.client import Client
from bundles.web.extensions.control_characters import without_control_characters
from bundles.web.extensions.cycles import plain_value
from bundles.web.extensions.extension import Extension
from rxkernel import encode_json

_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""Characters that begin a formula (OWASP, "CSV Injection"), including full-width ones."""

_NEGATIVE = re.compile(r"-\d+(\.\d+)?(E[+-]?\d+)?", re.ASCII)
"""A negative `Decimal`, which is a str here, but not a formula."""

_QUOTED = re.compile("[\",;'|\t\r\n]|^\\s|\\s$|^$")

_LISTS = (list, tuple)


def render_csv(client: Client, data: Any) -> str:
    """Return *data* as a table. Rows are the items of a list: lists of cells, or mappings, whose
    keys are the first line.

    A single mapping is one row, a scalar is one cell, None is an empty table. Numbers stay
    numbers, None in a cell is an empty cell, lists and mappings in cells are JSON. A text that
    begins like a formula gets the prefix ``'``. The table is UTF-8 without a byte order mark;
    lines end with CRLF. Cycles are cut as in ``.json``.
    """
    plain = plain_value(client.chain.environment.serializer, data)
    return csv_table(plain, _declared_columns(data))


def _declared_columns(data: Any) -> list[str]:
    """Return the fields of the first row in their order, which is lost when objects of attrs are
    converted."""
    rows = data if isinstance(data, list | tuple) else (data,)
    first = type(rows[0]) if rows else object
    return [field.name for field in attrs.fields(first)] if attrs.has(first) else []


def csv_table(value: Any, columns: Sequence[str] = ()) -> str:
    """Return the table for the plain *value*; *columns* come first, if rows have them.

    Raises:
        TypeError: some rows are mappings, others are not.
    """
    rows: list[Any] = [*_rows_of(value)]
    number = sum(isinstance(row, dict) for row in rows)
    if number:
        if number < len(rows):
            odd = next(n for n, row in enumerate(rows, 1) if not isinstance(row, dict))
            raise TypeError(
                f"row {odd} of the data for CSV is a {type(rows[odd - 1]).__name__}, other rows "
                f"are mappings; return rows of one kind"
            )
        rows = _with_header(rows, columns)
    return "".join([f"{_line(row if isinstance(row, _LISTS) else (row,))}\r\n" for row in rows])


def _rows_of(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, _LISTS) else (value,)


def _with_header(rows: list[dict[str, Any]], first: Sequence[str]) -> list[Any]:
    found = dict.fromkeys(chain.from_iterable(rows))
    columns = [*dict.fromkeys(chain((name for name in first if name in found), found))]
    return [columns, *([row.get(column) for column in columns] for row in rows)]


def _line(cells: Sequence[Any] | Iterable[Any]) -> str:
    return ",".join(map(_cell, cells)) or '""'  # an empty line is not a row for many readers


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if math.isfinite(value) else ""
    text = value if isinstance(value, str) else encode_json(value).decode()
    text = without_control_characters(text)
    if _FORMULA.match(text) and not _NEGATIVE.fullmatch(text):
        text = f"'{text}"
    if _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


CSV = Extension("csv", "text/csv; charset=utf-8", render_csv)
