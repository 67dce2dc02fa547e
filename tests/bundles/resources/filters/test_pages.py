"""Pages: their limits, their order, and the cursors between them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select, delete, func, make_url, select
from sqlalchemy.orm import Session, joinedload, selectinload

from bundles.resources import Field, Filters
from bundles.resources.filters.cursor import sealed
from rxkernel import UnprocessableEntityException
from tests.bundles.resources.filters.library import (
    Author,
    Book,
    Tag,
    ids,
    page_of,
    params,
    session_of,
)

FILTERS = Filters(
    title=("$eq", "$in"),
    author=Field("$eq", path="author.name"),
    sort=("title", "pages", "author"),
)
BOUND = FILTERS.bind(Book, page=3, limit=5)
SORTED = FILTERS.bind(Book)


@pytest.fixture
def session() -> Iterator[Session]:
    """Titles: a b a b a b a b. Pages: none, 1, 2, none, 1, 2, none, 1."""
    authors = [None, Author(id=1, name="ada"), Author(id=2, name="bob")]
    tags = [Tag(id=1), Tag(id=2)]
    books = (
        Book(id=n, title="ab"[(n - 1) % 2], pages=(n - 1) % 3 or None, author=authors[n % 3])
        for n in range(1, 9)
    )
    with session_of(*books) as session:
        for book in session.scalars(select(Book)):
            book.tags = list(tags)
        session.flush()
        session.expunge_all()
        yield session


def walk(session: Session, given: dict[str, Any]) -> list[list[int]]:
    pages = []
    cursor: str | None = ""
    while cursor is not None:
        page, cursor = page_of(session, BOUND, given | ({"cursor": cursor} if cursor else {}))
        pages.append(page)
        assert len(pages) < 9, "the cursors do not end"
    return pages


@pytest.mark.parametrize(
    ("given", "limit", "skip"),
    [
        ("", 3, 0),
        ("limit=2", 2, 0),
        ("$limit=5&$skip=2", 5, 2),
        ("limit=6", 5, 0),
        ("limit=99999999999999999999", 5, 0),
        ("skip=10000", 3, 10_000),
        ({"limit": 4, "skip": "1"}, 4, 1),
    ],
)
def test_limit_is_capped_and_skip_is_kept(given: Any, limit: int, skip: int) -> None:
    """RxStack: the default limit without one, and the greatest limit for more."""
    query = BOUND.parse(params(given) if isinstance(given, str) else given)
    assert (query.limit, query.skip) == (limit, skip)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("sort=title", [1, 3, 5, 7, 2, 4, 6, 8]),
        ("sort=-title", [2, 4, 6, 8, 1, 3, 5, 7]),
        ("sort=pages", [2, 5, 8, 3, 6, 1, 4, 7]),
        ("sort=-pages", [3, 6, 2, 5, 8, 1, 4, 7]),
        ("sort=pages,-title", [2, 8, 5, 6, 3, 4, 1, 7]),
        ("sort=-title,pages", [2, 8, 6, 4, 5, 3, 1, 7]),
        ("sort=-title&sort=pages", [2, 8, 6, 4, 5, 3, 1, 7]),
        ("$sort[title]=-1&$sort[pages]=1", [2, 8, 6, 4, 5, 3, 1, 7]),
        ({"$sort": {"pages": 1, "title": -1}}, [2, 8, 5, 6, 3, 4, 1, 7]),
        ({"sort": ["pages", "-title"]}, [2, 8, 5, 6, 3, 4, 1, 7]),
        ("sort=-author", [2, 5, 8, 1, 4, 7, 3, 6]),
        ({"sort": None}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_rows_are_sorted_by_keys_in_order_of_client(
    session: Session, given: Any, found: list[int]
) -> None:
    """In RxStack, the schema decided the order of the keys. Missing values are last."""
    assert ids(session, SORTED, given) == found


def test_pages_by_cursor_follow_each_other(session: Session) -> None:
    assert walk(session, {}) == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert walk(session, {"sort": "-pages,title"}) == [[3, 6, 5], [2, 8, 1], [7, 4]]
    assert walk(session, {"sort": "-author,pages"}) == [[2, 5, 8], [1, 4, 7], [3, 6]]
    assert walk(session, {"limit": 4}) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert walk(session, {"title": "a"}) == [[1, 3, 5], [7]]
    assert walk(session, {"title": "c"}) == [[]]


def test_cursor_is_valid_after_its_row_was_deleted(session: Session) -> None:
    _, cursor = page_of(session, BOUND, {})
    session.execute(delete(Book).where(Book.id.in_([3, 4])))
    assert page_of(session, BOUND, {"cursor": cursor})[0] == [5, 6, 7]


def test_count_contains_the_rows_of_all_pages(session: Session) -> None:
    _, cursor = page_of(session, BOUND, {})
    for asked in ({}, {"limit": 1, "skip": 2}, {"cursor": cursor}, {"sort": "author"}):
        assert session.scalar(BOUND.parse(asked).count(select(Book))) == 8
    assert session.scalar(BOUND.parse({"title": "a"}).count(select(Book))) == 4


def test_cursor_of_another_order_is_rejected(session: Session) -> None:
    _, cursor = page_of(session, BOUND, {"sort": "title"})
    assert page_of(session, BOUND, {"sort": "title", "cursor": cursor})[0] == [7, 2, 4]
    for sort in ("-title", "pages", None):
        with pytest.raises(UnprocessableEntityException):
            BOUND.parse({"sort": sort, "cursor": cursor})


@given(place=st.integers(0, 200), sign=st.characters(codec="utf-8"))
def test_cursor_that_was_changed_is_rejected(place: int, sign: str) -> None:
    query = BOUND.parse({"sort": "title,pages"})
    rows = [(Book(), "a", None, number) for number in range(4)]
    _, cursor = query.page(rows)
    assert cursor is not None
    place %= len(cursor)
    changed = cursor[:place] + sign + cursor[place + 1 :]
    if changed != cursor:
        with pytest.raises(UnprocessableEntityException):
            BOUND.parse({"sort": "title,pages", "cursor": changed})


@given(st.binary(max_size=20))
def test_cursor_of_any_bytes_is_rejected(raw: bytes) -> None:
    with pytest.raises(UnprocessableEntityException):
        BOUND.parse({"cursor": urlsafe_b64encode(raw).decode()})


@pytest.mark.parametrize(
    "values",
    [
        '["id"]',
        '["id",1,2]',
        '["id","x"]',
        '["id",null]',
        '["id",[5]]',
        "{",
        "5",
        "[" * 9999,
        '["id",' * 9999,
        '{"id":' * 9999,
    ],
    ids=lambda values: values[:12],
)
def test_cursor_made_by_client_is_checked(values: str) -> None:
    """A client can compute the checksum of a cursor."""
    with pytest.raises(UnprocessableEntityException):
        BOUND.parse({"cursor": sealed(values.encode())})
    assert BOUND.parse({"cursor": sealed(b'["id",5]')}).position == [5]


def test_cursor_is_base64_without_padding() -> None:
    _, cursor = BOUND.parse({}).page([(Book(), number) for number in range(4)])
    assert cursor is not None
    assert "=" not in cursor
    assert b'["id",2]' in urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


@pytest.mark.parametrize(
    "statement",
    [
        select(Book).options(joinedload(Book.author), selectinload(Book.tags)),
        select(Book).where(Book.id > 0).order_by(Book.pages),
        select(Book).where(Book.tags.any()),
        select(Book).join(Book.author, isouter=True),
    ],
)
def test_any_statement_of_entity_is_filtered(session: Session, statement: Select[Any]) -> None:
    query = BOUND.parse({"title": "b", "sort": "-author", "limit": 2})
    items, cursor = query.page(session.execute(query.apply(statement)).all())
    assert [book.id for book in items] == [2, 8]
    assert session.scalar(query.count(statement)) == 4
    query = BOUND.parse({"title": "b", "sort": "-author", "limit": 2, "cursor": cursor})
    items, cursor = query.page(session.execute(query.apply(statement)).all())
    assert ([book.id for book in items], cursor) == ([4, 6], None)


def test_collections_are_loaded_with_page(session: Session) -> None:
    query = BOUND.parse({"sort": "-title", "limit": 2})
    statement = query.apply(select(Book).options(joinedload(Book.tags)))
    items, cursor = query.page(session.execute(statement).unique().all())
    assert [(book.id, len(book.tags)) for book in items] == [(2, 2), (4, 2)]
    assert cursor is not None


def test_columns_are_items_without_keys(session: Session) -> None:
    query = BOUND.parse({"sort": "title", "limit": 2})
    statement = query.apply(select(Book.id, func.upper(Book.title)))
    assert query.page(session.execute(statement).all())[0] == [(1, "A"), (3, "A")]


def test_first_key_is_compared_so_that_an_index_serves_it() -> None:
    query = BOUND.parse({"sort": "title"})
    _, cursor = query.page([(Book(), "a", number) for number in range(4)])
    text = str(BOUND.parse({"sort": "title", "cursor": cursor}).apply(select(Book)))
    assert "WHERE book.title >= :param_1 AND (book.title > :param_2 OR book.id > :param_3)" in text


@pytest.mark.parametrize("url", ["postgresql+psycopg://", "mariadb+aiomysql://"])
def test_statements_compile_for_other_databases(url: str) -> None:
    dialect = make_url(url).get_dialect()()
    query = SORTED.parse({"title": {"$in": ["a"]}, "author": "x", "sort": "-pages,author"})
    assert "pages IS NULL, book.pages DESC" in str(
        query.apply(select(Book)).compile(dialect=dialect)
    )
