"""The bytes that a ``Range`` header selects."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel import RangeNotSatisfiableException
from rxkernel.servers.http.files.ranges import requested_ranges


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-499", [range(500)]),
        ("bytes=500-999", [range(500, 1000)]),
        ("bytes=-500", [range(9500, 10_000)]),
        ("bytes=9500-", [range(9500, 10_000)]),
        ("bytes=0-0,-1", [range(1), range(9999, 10_000)]),
        ("bytes= 0-999, 4500-5499, -1000", [range(1000), range(4500, 5500), range(9000, 10_000)]),
        ("bytes=500-600,601-999", [range(500, 1000)]),
        ("bytes=500-700,601-999", [range(500, 1000)]),
    ],
)
def test_range_examples_of_rfc_select_their_bytes(header: str, wanted: list[range]) -> None:
    """RFC 9110 §14.1.2, for a representation of 10000 bytes."""
    assert requested_ranges(header, 10_000) == wanted


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        pytest.param("BYTES=0-1", [range(2)], id="the unit in capitals"),
        pytest.param("bytes=5-99", [range(5, 10)], id="an end after the end"),
        pytest.param("bytes=-99", [range(10)], id="a tail longer than all"),
        pytest.param(f"bytes=0-{'9' * 100}", [range(10)], id="an end of a hundred digits"),
        pytest.param("bytes=0-0,,9-9,", [range(1), range(9, 10)], id="empty elements"),
        pytest.param("bytes=8-9,99-,0-1", [range(8, 10), range(2)], id="one after the end"),
        pytest.param("bytes=6-7,0-1,1-2", [range(6, 8), range(3)], id="in requested order"),
        pytest.param("items=0-1", [], id="another unit"),
        pytest.param("bytes 0-1", [], id="no unit"),
        pytest.param("bytes", [], id="only the unit"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_range_lenient_syntax_is_accepted(header: str, wanted: list[range]) -> None:
    assert requested_ranges(header, 10) == wanted


@pytest.mark.parametrize(
    "header",
    [
        "bytes=10-",
        "bytes=10-20,30-",
        "bytes=-0",
        "bytes=4-2",
        "bytes=0-1,4-2",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=0x0-0x1",
        "bytes=\u0660-\u0661",
        "bytes=0 - 1",
        "bytes=0-1;2-3",
        f"bytes=0-{'9' * 101}",
        f"bytes={'9' * 5000}-",
    ],
)
def test_range_invalid_raises_416_with_length(header: str) -> None:
    """RFC 9110 §15.5.17; `int` of Python accepts other digits, signs and separators."""
    with pytest.raises(RangeNotSatisfiableException) as refused:
        requested_ranges(header, 10)

    assert refused.value.headers == {"Content-Range": "bytes */10"}


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=5-2"])
def test_range_of_empty_file_is_ignored(header: str) -> None:
    """Content-Range cannot express it; a download of an empty file is complete."""
    assert requested_ranges(header, 0) == []


def test_range_of_more_than_ten_parts_is_ignored() -> None:
    ten = ",".join(f"{2 * place}-{2 * place}" for place in range(10))

    assert len(requested_ranges(f"bytes={ten}", 100)) == 10
    assert requested_ranges(f"bytes={ten},20-20", 100) == []
    assert requested_ranges(f"bytes={','.join(['0-9'] * 1000)}", 100) == [range(10)]


NUMBERS = st.integers(0, 45)
SPECS = st.one_of(
    st.builds("{}-{}".format, NUMBERS, NUMBERS),
    st.builds("{}-".format, NUMBERS),
    st.builds("-{}".format, NUMBERS),
)


def places(spec: str, size: int) -> list[int] | None:
    """The model: the bytes that a spec selects, decided for each byte."""
    first, last = spec.split("-")
    if first and last and int(last) < int(first):
        return None
    if not first:
        return [place for place in range(size) if place >= size - int(last)]
    return [p for p in range(size) if p >= int(first) and (not last or p <= int(last))]


@given(st.lists(SPECS, min_size=1, max_size=30), st.integers(1, 40))
def test_ranges_equal_requested_bytes(specs: list[str], size: int) -> None:
    asked = [places(spec, size) for spec in specs]
    union = sorted({place for found in asked for place in found or ()})
    runs = "".join("x" if place in union else " " for place in range(size)).split()
    try:
        wanted = requested_ranges(f"bytes={','.join(specs)}", size)
    except RangeNotSatisfiableException:
        assert None in asked or not union
        return

    assert None not in asked
    assert union
    if len(runs) > 10:
        assert wanted == []
        return
    assert [len(part) for part in sorted(wanted, key=min)] == [len(run) for run in runs]
    assert sorted(place for part in wanted for place in part) == union
    order = [
        next(i for i, part in enumerate(wanted) if found[0] in part) for found in asked if found
    ]
    assert list(dict.fromkeys(order)) == list(range(len(wanted)))


@given(st.one_of(st.text(), st.from_regex(re.compile(r"bytes=[-0-9, a=]*"), fullmatch=True)))
def test_range_any_header_is_parsed_or_416(header: str) -> None:
    try:
        wanted = requested_ranges(header, 50)
    except RangeNotSatisfiableException:
        return
    assert all(part and part.start >= 0 and part.stop <= 50 for part in wanted)
