"""Any data in the forms of XML and CSV."""

import csv
import re
from io import StringIO
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from tests.bundles.web.extensions.forms import form_of

TEXTS = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(
    [
        "=1",
        "-1",
        "+1",
        "@a",
        "\t=",
        "\r",
        "\n",
        '"',
        ";",
        ",",
        "]]>",
        "<a>",
        "&#0;",
        "xml",
        "\ud800",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXTS
NESTED = st.lists(st.text(max_size=4) | st.integers(0, 9), max_size=2)
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"-?[0-9.]+(e[+-]?[0-9]+)?", re.IGNORECASE)


def leaves(data: Any) -> int:
    """The number of elements that *data* has in XML, without the root."""
    children = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return sum(1 + leaves(child) for child in children)


@given(DATA)
def test_xml_of_any_data_is_well_formed_and_complete(data: Any) -> None:
    root = ElementTree.fromstring(form_of("xml", data))

    assert len([*root.iter()]) == 1 + leaves(data)


@given(st.lists(st.lists(SCALARS | NESTED, max_size=4), max_size=5))
def test_csv_of_any_lists_is_read_with_their_cells_and_without_formulas(data: Any) -> None:
    rows = [*csv.reader(StringIO(form_of("csv", data), newline=""), strict=True)]

    assert [len(row) for row in rows] == [max(len(row), 1) for row in data]
    for cell in (cell for row in rows for cell in row):
        assert not _FORMULA.match(cell) or _NUMBER.fullmatch(cell)


@given(st.lists(st.dictionaries(TEXTS, SCALARS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_csv_of_any_mappings_has_one_cell_for_each_key(data: Any) -> None:
    header, *rows = csv.reader(StringIO(form_of("csv", data), newline=""), strict=True)

    assert len(header) == len({key for row in data for key in row})
    assert {len(row) for row in rows} == {len(header)}
    assert len(rows) == len(data)
