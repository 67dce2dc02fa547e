"""The results of filters in a query string and over a socket."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from bundles.resources import Filters
from tests.bundles.resources.filters.library import Book, at, ids, session_of

FILTERS = Filters(
    title=("$eq", "$ne", "$in", "$nin", "$like", "$contains", "$starts"),
    pages=("$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$in", "$nin", "$null"),
    printed=("$gte", "$lt"),
    sort=("title", "pages"),
    any_of=True,
).bind(Book)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    books = (
        Book(id=1, title="Emma", pages=100, printed=at(1)),
        Book(id=2, title="Evelina", pages=200, printed=at(2)),
        Book(id=3, title="100%_e/E", pages=None, printed=at(3)),
    )
    with session_of(*books) as session:
        yield session


@pytest.mark.parametrize(
    ("query", "socket", "found"),
    [
        ("", {}, [1, 2, 3]),
        ("title=Emma", {"title": "Emma"}, [1]),
        ("title[$eq]=Emma", {"title": {"$eq": "Emma"}}, [1]),
        ("title[$ne]=Emma", {"title": {"$ne": "Emma"}}, [2, 3]),
        ("title[$in]=Emma&title[$in]=Evelina", {"title": {"$in": ["Emma", "Evelina"]}}, [1, 2]),
        ("title[$in]=Emma", {"title": {"$in": "Emma"}}, [1]),
        ("title[$in][]=Emma&title[$in][]=x", {"title[$in]": ["Emma", "x"]}, [1]),
        ("title[$in][1]=x&title[$in][0]=Emma", {"title[$in][0]": "Emma"}, [1]),
        ("title[$nin]=Emma&title[$nin]=x", {"title": {"$nin": ["Emma", "x"]}}, [2, 3]),
        ("title=Emma&title[$in]=Emma", {"title": {"$eq": "Emma", "$in": ["Emma"]}}, [1]),
        ("title=Emma&title[$ne]=Emma", {"title": {"$eq": "Emma", "$ne": "Emma"}}, []),
        ("title[$contains]=M", {"title": {"$contains": "M"}}, [1]),
        ("title[$contains]=%25_", {"title": {"$contains": "%_"}}, [3]),
        ("title[$contains]=/", {"title": {"$contains": "/"}}, [3]),
        ("title[$starts]=e", {"title": {"$starts": "e"}}, [1, 2]),
        ("title[$starts]=%25", {"title": {"$starts": "%"}}, []),
        ("title[$like]=e%25a", {"title": {"$like": "e%a"}}, [1, 2]),
        ("title[$like]=____", {"title": {"$like": "____"}}, [1]),
        ("title[$like]=%25/e", {"title": {"$like": "%/e"}}, [3]),
        ("pages[$gte]=100&pages[$lt]=200", {"pages": {"$gte": 100, "$lt": 200}}, [1]),
        ("pages[$gt]=100&pages[$lte]=200", {"pages": {"$gt": 100, "$lte": 200}}, [2]),
        ("pages[$ne]=100", {"pages": {"$ne": 100}}, [2, 3]),
        ("pages[$nin]=100", {"pages": {"$nin": [100]}}, [2, 3]),
        ("pages[$null]=true", {"pages": {"$null": True}}, [3]),
        ("pages[$null]=false", {"pages": {"$null": False}}, [1, 2]),
        (
            "printed[$gte]=2026-01-01T00:00:00&printed[$lt]=2026-01-03T00:00",
            {"printed": {"$gte": "2026-01-01T00:00:00", "$lt": "2026-01-03T00:00:00"}},
            [1, 2],
        ),
        (
            "$or[0][title]=Emma&$or[1][pages][$gt]=100",
            {"$or": [{"title": "Emma"}, {"pages": {"$gt": 100}}]},
            [1, 2],
        ),
        (
            "$or[0][title]=Emma&$or[0][pages]=200&$or[1][pages]=200&title[$starts]=e",
            {"$or": [{"title": "Emma", "pages": 200}, {"pages": 200}], "title[$starts]": "e"},
            [2],
        ),
    ],
)
def test_filters_find_same_rows_over_http_and_socket(
    session: Session, query: str, socket: Any, found: list[int]
) -> None:
    assert ids(session, FILTERS, query) == found
    if "[1]=x" not in query:
        assert ids(session, FILTERS, socket) == found


@pytest.mark.parametrize(
    ("socket", "found"),
    [
        ({"pages": None}, [3]),
        ({"pages": {"$eq": None}}, [3]),
        ({"pages": {"$ne": None}}, [1, 2]),
        ({"pages": {"$in": [None, 100]}}, [1, 3]),
        ({"pages": {"$nin": [None, 100]}}, [2]),
        ({"pages": {"$in": None}}, [3]),
    ],
)
def test_null_over_socket_is_missing_value(
    session: Session, socket: Any, found: list[int]
) -> None:
    assert ids(session, FILTERS, socket) == found
