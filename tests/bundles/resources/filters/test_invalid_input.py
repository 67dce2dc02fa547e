"""Invalid input is a 422 with all errors, and has no other effect."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from bundles.resources import Filters
from rxkernel import UnprocessableEntityException
from tests.bundles.resources.filters.library import Book, ids, params, session_of
from tests.bundles.resources.filters.reference import CASES, FILTERS, shelf

BOUND = Filters(
    title=("$eq", "$in", "$contains"),
    pages=("$eq", "$gte", "$in"),
    price="$lt",
    rating="$lt",
    kind="$eq",
    state="$eq",
    printed=("$gte",),
    seen="$gte",
    cover="$null",
    sort=("title", "pages"),
    any_of=2,
).bind(Book, ignored=("shelf",))


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with session_of(*shelf(seed=2, size=20)) as session:
        yield session


def errors(given: Any) -> list[tuple[str, str, str]]:
    """Path, code and message of each error of *given*, as `ids` takes it."""
    with pytest.raises(UnprocessableEntityException) as caught:
        BOUND.parse(params(given) if isinstance(given, str) else given)
    found = caught.value.errors
    assert isinstance(found, list)
    return [(each["path"], each["code"], each["message"]) for each in found]


@pytest.mark.parametrize(
    ("given", "path", "code", "message"),
    [
        ("titel=x", "titel", "unknown_field", "is not a known field; did you mean 'title'?"),
        ("length=3", "length", "unknown_field", "is not a known field"),
        ("__proto__[a]=1", "__proto__", "unknown_field", "is not a known field"),
        ("cover=1", "cover", "invalid", "needs an operator; use $null"),
        ("kind=poem", "kind", "choice", "expected one of 'novel', 'essay'"),
        ("state=x", "state", "choice", "expected one of 'new', 'old'"),
        (
            "title[$int]=x",
            "title.$int",
            "choice",
            "expected one of '$eq', '$in', '$contains'; did you mean '$in'?",
        ),
        ({"title": {}}, "title", "invalid", "has no operator; use $eq, $in, $contains"),
        ("title=a&title=b", "title", "invalid", "has several values; send them with $in"),
        ("kind=a&kind=b", "kind", "choice", "expected one of 'novel', 'essay'"),
        ("title[a]=x", "title.a", "choice", "expected one of '$eq', '$in', '$contains'"),
        (
            "title=a&title[a]=x",
            "title",
            "invalid",
            "is sent as a value and by its parts; send one of them",
        ),
        (
            "title=a&title[$eq]=x",
            "title",
            "invalid",
            "is sent twice, with $eq and without an operator",
        ),
        ("title[a][b][c][d][e][f]=x", "title", "too_deep", "is nested too deeply"),
        ("pages=x", "pages", "type", "expected int"),
        ("pages=", "pages", "type", "expected int"),
        ("pages=1.5", "pages", "type", "expected int"),
        ("pages=9223372036854775808", "pages", "out_of_range", "is out of range"),
        ({"pages": -(2**64)}, "pages", "out_of_range", "is out of range"),
        ({"pages": True}, "pages", "type", "expected int, got bool"),
        ({"pages": [1]}, "pages", "invalid", "has several values; send them with $in"),
        ({"pages": {"$gte": None}}, "pages.$gte", "type", "expected int, got null"),
        ({"pages": {"$gte": {"$gte": 1}}}, "pages.$gte", "type", "expected int, got object"),
        ({"pages": {"$in": []}}, "pages.$in", "too_short", "expected array of length >= 1"),
        ({"pages": {"$in": [1, "x"]}}, "pages.$in[1]", "type", "expected int"),
        ("pages[$in]=1&pages[$in]=x", "pages.$in[1]", "type", "expected int"),
        (
            {"pages": {"$in": list(range(201))}},
            "pages.$in",
            "too_long",
            "expected array of length <= 200",
        ),
        ({"title": 5}, "title", "type", "expected str, got int"),
        ({"title": None}, "title", "type", "expected str, got null"),
        ({"title": "a\0b"}, "title", "invalid", "contains a NUL character"),
        ({"title": "\ud800"}, "title", "encoding", "is not valid UTF-8"),
        ({"title": "x" * 2001}, "title", "too_long", "expected str of length <= 2000"),
        ({"price": {"$lt": "1e301"}}, "price.$lt", "out_of_range", "is out of range"),
        ({"price": {"$lt": math.nan}}, "price.$lt", "out_of_range", "expected a finite number"),
        ({"rating": {"$lt": "inf"}}, "rating.$lt", "out_of_range", "expected a finite number"),
        (
            "printed[$gte]=2026-01-01T00:00:00Z",
            "printed.$gte",
            "timezone",
            "expected datetime without a timezone",
        ),
        (
            "seen[$gte]=2026-01-01T00:00:00",
            "seen.$gte",
            "timezone",
            "expected datetime with a timezone",
        ),
        ("seen[$gte]=0001-01-01T00:00:00%2B23:00", "seen.$gte", "out_of_range", ""),
        ("seen[$gte]=2026", "seen.$gte", "format", "expected datetime (RFC 3339)"),
        ("cover[$null]=x", "cover.$null", "type", "expected bool"),
        ("$or=x", "$or", "type", "expected array, got str"),
        ({"$or": []}, "$or", "too_short", "expected array of length >= 1"),
        ({"$or": [{"title": "a"}] * 3}, "$or", "too_long", "expected array of length <= 2"),
        ({"$or": [{}]}, "$or[0]", "invalid", "has no filter"),
        ({"$or": [{"title": "a"}, 5]}, "$or[1]", "type", "expected object, got int"),
        ("$or[0][titel]=a", "$or[0].titel", "unknown_field", "did you mean 'title'?"),
        ({"$or": [{"$or": []}]}, "$or[0].$or", "unknown_field", "is not a known field"),
        ("limit=0", "limit", "too_small", "expected int >= 1"),
        ("$limit=3abc", "$limit", "type", "expected int"),
        ("skip=-4", "skip", "too_small", "expected int >= 0"),
        ("skip=10001", "skip", "too_large", "send the cursor from the previous page"),
        ("limit=1&$limit=2", "$limit", "invalid", "is sent twice, as limit and $limit"),
        ("limit[a]=1", "limit", "type", "expected int, got object"),
        (
            "sort=pagse",
            "sort",
            "choice",
            "expected one of 'title', 'pages'; did you mean 'pages'?",
        ),
        ("sort=price", "sort", "choice", "expected one of 'title', 'pages'"),
        ("sort=", "sort", "choice", "expected one of 'title', 'pages'"),
        ("sort=title,-title", "sort", "invalid", "is sorted by twice"),
        ("sort[title]=2", "sort.title", "choice", "expected one of 1, -1"),
        ({"sort": {"title": True}}, "sort.title", "choice", "expected one of 1, -1"),
        ({"sort": {"title": [1]}}, "sort.title", "choice", "expected one of 1, -1"),
        ({"sort": 5}, "sort", "type", "expected str or object, got int"),
        ("cursor=x", "cursor", "invalid", "is not a cursor of this list, sorted as here"),
        ("cursor=é", "cursor", "invalid", "is not a cursor of this list, sorted as here"),
        ({"cursor": 5}, "cursor", "type", "expected str, got int"),
        ("cursor=x&skip=1", "cursor", "invalid", "excludes skip; send one of them"),
    ],
)
def test_invalid_input_is_rejected(given: Any, path: str, code: str, message: str) -> None:
    [found] = errors(given)
    assert found[:2] == (f"params.{path}", code)
    assert message in found[2]


def test_all_errors_are_reported_at_once() -> None:
    found = errors("titel=x&pages=a&$or[0][kind]=b&sort=c&limit=d")
    assert [path for path, _, _ in found] == [
        *("params.titel", "params.pages", "params.$or[0].kind"),
        *("params.sort", "params.limit"),
    ]


def test_too_many_operators_are_rejected() -> None:
    """The limit is for all alternatives together."""
    many = {"title": {"$eq": "a", "$in": "a", "$contains": "a"}, "pages": {"$eq": 1, "$in": 1}}
    filters = Filters(title=("$eq", "$in", "$contains"), pages=("$eq", "$in"), any_of=11)
    bound = filters.bind(Book)
    assert bound.parse({"$or": [many] * 10}).where
    with pytest.raises(UnprocessableEntityException) as caught:
        bound.parse({"$or": [many] * 11})
    assert caught.value.errors == [
        {
            "path": "params",
            "code": "too_long",
            "message": "expected filters of length <= 50",
            "params": {"max_length": 50},
        }
    ]


def test_number_of_errors_is_limited() -> None:
    assert len(errors({f"x{number}": 1 for number in range(1000)})) == 50


def test_large_objects_are_not_searched_for_more_errors() -> None:
    """Comparing each unknown name with all names takes time."""
    many = {f"x{number}": 1 for number in range(100_000)}
    assert errors(many) == [("params", "too_long", "expected parameters of length <= 1000")]
    assert len(errors({"$or": [many], "title": many})) == 50


def test_parameters_of_route_are_ignored() -> None:
    assert BOUND.parse(params("shelf=3&title=x&shelf[a]=4")).where
    assert errors("shelv=3") == [("params.shelv", "unknown_field", "is not a known field")]


NAMES = st.sampled_from(
    [
        *CASES,
        *("$or", "$limit", "skip", "sort", "cursor", "$eq", "$in", "$gte", "$null", "0", "id"),
        *("length", "title[$in]", "$or[0]", "$or[0][title]", "sort[title]", "", "[", "a]"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.sampled_from(["1", "-1", "novel", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "title"]),
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=8,
)
FUZZED = FILTERS.bind(Book)


@given(st.dictionaries(NAMES, ANYTHING, max_size=4))
def test_any_params_of_socket_are_rejected_or_run(session: Session, given: dict[str, Any]) -> None:
    with contextlib.suppress(UnprocessableEntityException):
        query = FUZZED.parse(given)
        query.page(session.execute(query.apply(select(Book))).all())


@given(
    st.dictionaries(
        st.sampled_from(["title", "$or[0][title]", "tag[$contains]"]), st.text(), min_size=1
    )
)
def test_values_are_bound_parameters(given: dict[str, str]) -> None:
    marked = {name: f"marked;'{text}" for name, text in given.items()}
    try:
        query = FUZZED.parse(marked)
    except UnprocessableEntityException:
        return
    compiled = query.apply(select(Book)).compile()
    assert "marked" not in str(compiled)
    assert sum("marked" in str(value) for value in compiled.params.values()) == len(marked)


def test_rows_are_unchanged_by_invalid_input(session: Session) -> None:
    assert len(ids(session, BOUND, "")) == 20
