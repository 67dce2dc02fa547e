"""Any filter finds the same rows as the same condition in Python."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.bundles.resources.filters.library import Book, ids, page_of
from tests.bundles.resources.filters.reference import (
    CASES,
    FILTERS,
    NEVER_NULL,
    SHELVES,
    SORTED,
    TEXT,
    finds,
    operators_of,
    shelf,
    trees,
    values_of,
    wire,
)

BOUND = FILTERS.bind(Book)
EXAMPLES = settings(max_examples=settings().max_examples // 2)
"""Half of the usual number of examples, since there are three databases."""

FIRST_ADDED, MOST_ADDED = 100, 105


@pytest.mark.parametrize("name", CASES)
def test_each_operator_finds_rows_that_python_finds(engine: Engine, name: str) -> None:
    """Each operation alone, with values that rows have, and in pairs."""
    books = shelf(seed=1, size=40)
    present = list(dict.fromkeys(value for book in books for value in values_of(name, book)))[:4]
    nullable = name not in NEVER_NULL
    with Session(engine, autoflush=False) as session:
        session.add_all(books)
        session.flush()
        for operations in _operations(operators_of(name), present, nullable):
            tree = {name: operations}
            expected = [book.id for book in books if finds(tree, book)]
            assert ids(session, BOUND, wire(tree)) == expected, operations


def _operations(
    operators: tuple[str, ...], present: list[Any], nullable: bool
) -> Iterator[dict[str, Any]]:
    values = [*present, None] if nullable else present
    for operator in operators:
        if operator == "$null":
            yield from ({operator: True}, {operator: False})
        elif operator in ("$in", "$nin"):
            yield from ({operator: list(pair)} for pair in pairwise(values))
        else:
            operands = values if operator in ("$eq", "$ne") else present
            yield from ({operator: operand} for operand in operands)
    for least, most in pairwise(present):
        if "$gte" in operators:
            yield {"$gte": least, "$lt": most}
        yield {"$in": [least, most], "$ne": most, "$null": False}


@EXAMPLES
@given(books=SHELVES, tree=trees())
def test_filter_finds_rows_that_python_finds(
    engine: Engine, books: list[Book], tree: dict[str, Any]
) -> None:
    expected = [book.id for book in books if finds(tree, book)]
    with Session(engine, autoflush=False) as session:
        session.add_all(books)
        session.flush()
        assert ids(session, BOUND, wire(tree)) == expected


ORDERS = st.lists(st.sampled_from(SORTED), max_size=3, unique=True).flatmap(
    lambda names: st.tuples(
        *(st.tuples(st.just(name), st.sampled_from([1, -1])) for name in names)
    )
)


def _sorted(books: list[Book], order: tuple[tuple[str, int], ...]) -> list[int]:
    found = sorted(books, key=lambda book: book.id)
    for name, direction in reversed(order):
        present = [book for book in found if values_of(name, book)]
        missing = [book for book in found if not values_of(name, book)]
        present.sort(key=lambda book: _key(name, book), reverse=direction < 0)
        found = present + missing
    return [book.id for book in found]


def _key(name: str, book: Book) -> Any:
    value = values_of(name, book)[0]
    return value.name if name == "kind" else value


@EXAMPLES
@given(books=SHELVES, order=ORDERS, limit=st.integers(1, 4), data=st.data())
def test_cursors_find_each_row_once_while_rows_are_added(
    engine: Engine,
    books: list[Book],
    order: tuple[tuple[str, int], ...],
    limit: int,
    data: st.DataObject,
) -> None:
    """Rows that exist from the first to the last page are found once, in order."""
    asked: dict[str, Any] = {"limit": limit, "sort": dict(order)} if order else {"limit": limit}
    with Session(engine, autoflush=False) as session:
        session.add_all(books)
        session.flush()
        found: list[int] = []
        last = FIRST_ADDED
        cursor: str | None = None
        while cursor is not None or not found:
            page, cursor = page_of(session, BOUND, asked | ({"cursor": cursor} if cursor else {}))
            assert len(page) == limit or cursor is None
            found += page
            assert len(set(found)) == len(found)
            if not books:
                break
            for title in data.draw(st.lists(TEXT, max_size=2)) if last < MOST_ADDED else ():
                last += 1
                session.add(Book(id=last, title=title))
            session.flush()
        known = [number for number in found if number < FIRST_ADDED]
        assert known == _sorted(books, order)
