"""Values at the edges of their types never fail in a database."""

from datetime import UTC
from decimal import Decimal
from math import inf
from sys import float_info
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bundles.resources.filters.cursor import sealed
from rxkernel import UnprocessableEntityException
from tests.bundles.resources.filters.library import Book, at, ids, page_of
from tests.bundles.resources.filters.reference import FILTERS

BOUND = FILTERS.bind(Book)

BOOK = {
    "id": 1,
    "title": "ÄÖ😀\\'%",
    "pages": 2**31 - 1,
    "price": Decimal("12345678.90"),
    "rating": 1.7e308,
    "printed": at(1),
    "seen": at(1, tz=UTC),
}


@pytest.mark.parametrize(
    ("given", "is_found"),
    [
        ({"title": "ÄÖ😀\\'%"}, True),
        ({"title[$contains]": "😀\\'%"}, True),
        ({"title[$contains]": "\\'_"}, False),
        ({"title[$starts]": "\\"}, False),
        ({"title[$like]": "%\\"}, False),
        ({"title[$like]": "%\\'_"}, True),
        ({"title[$contains]": "/" * 2000}, False),
        ({"title[$like]": "%a" * 1000}, False),
        ({"title": "😀" * 2000}, False),
        ({"pages[$lt]": 2**63 - 1}, True),
        ({"pages[$gt]": -(2**63)}, True),
        ({"pages[$in]": [2**63 - 1, 2**31 - 1]}, True),
        ({"pages": 2**31}, False),
        ({"price[$lt]": "1e300"}, True),
        ({"price[$gt]": "-1e300"}, True),
        ({"price[$gt]": "1e-300"}, True),
        ({"price": "12345678.9000000000"}, True),
        ({"price[$lt]": "12345678.90001"}, True),
        ({"price": "12345678.904"}, False),
        ({"price[$in]": ["0" * 500 + "1", "1." + "0" * 500]}, False),
        ({"rating[$lt]": 1.7976931348623157e308}, True),
        ({"rating[$gt]": 5e-324}, True),
        ({"rating": 1.7e308}, True),
        ({"printed[$gt]": "0001-01-01T00:00:00"}, True),
        ({"printed[$lt]": "9999-12-31T23:59:59.999999"}, True),
        ({"printed": "2026-01-01T00:00:00.000000"}, True),
        ({"seen[$gt]": "0001-01-01T00:00:00Z"}, True),
        ({"seen[$lt]": "9999-12-31T23:59:59.999999Z"}, True),
        ({"seen": "2026-01-01T01:00:00+01:00"}, True),
        ({"code": "00000000-0000-0000-0000-000000000000"}, False),
        ({"code[$ne]": "ffffffffffffffffffffffffffffffff"}, True),
        ({"limit": 10**30}, True),
        ({"title[$in]": [str(number) for number in range(200)]}, False),
        ({"tag[$nin]": ["x"], "weight[$null]": True, "mentor[$ne]": "x"}, True),
    ],
)
def test_extreme_value_is_compared(engine: Engine, given: dict[str, Any], is_found: bool) -> None:
    with Session(engine) as session:
        session.add(Book(**BOOK))
        session.flush()
        assert ids(session, BOUND, given) == ([1] if is_found else [])


def test_filter_with_the_most_operators_is_executed(engine: Engine) -> None:
    """All are in one statement, each with a subquery."""
    alternative = {name: {"$eq": "a", "$ne": "b", "$contains": "c"} for name in ("tag", "mentor")}
    query = BOUND.parse({"$or": [alternative] * 5, "country": {"$like": "a" * 2000}})
    with Session(engine) as session:
        assert session.execute(query.apply(select(Book))).all() == []


@pytest.mark.parametrize("raw", ["1e999999999", "0x1", "\u0661", "1_0", " 1", "NaN", "-"])
@pytest.mark.parametrize("name", ["pages", "price", "rating", "limit", "skip"])
def test_text_that_is_not_a_number_is_rejected(name: str, raw: str) -> None:
    with pytest.raises(UnprocessableEntityException):
        BOUND.parse({name: raw})


@pytest.mark.parametrize("name", ["pages", "price", "skip"])
def test_text_of_too_many_digits_is_rejected(name: str) -> None:
    with pytest.raises(UnprocessableEntityException):
        BOUND.parse({name: "9" * 5000})


def walk(session: Session, sort: str) -> list[int]:
    """Return the ids of all pages, each with one row."""
    bound = FILTERS.bind(Book, page=1)
    found: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        asked = {"sort": sort} | ({"cursor": cursor} if cursor else {})
        page, cursor = page_of(session, bound, asked)
        found += page
        assert len(set(found)) == len(found), "a row was found twice"
    return found


def test_decimals_with_more_digits_than_scale_are_paged(engine: Engine) -> None:
    """SQLite stores them, and SQLAlchemy rounds the values to the scale when it reads them."""
    prices = [Decimal("0.125"), Decimal("0.1251"), Decimal("-3.999"), Decimal("1e-7"), None]
    with Session(engine) as session:
        session.add_all(Book(id=n, title="", price=p) for n, p in enumerate(prices, 1))
        session.flush()
        if engine.dialect.name == "sqlite":
            assert walk(session, "price") == [3, 4, 1, 2, 5]
            assert walk(session, "-price") == [2, 1, 4, 3, 5]
        assert sorted(walk(session, "price")) == sorted(walk(session, "-price")) == [1, 2, 3, 4, 5]


def test_infinite_floats_are_paged(engine: Engine) -> None:
    """MariaDB does not store such values, and its driver does not send them."""
    ratings = [inf, -inf, 1.0, None, float_info.max, -float_info.max, inf, -inf]
    if engine.dialect.name == "mariadb":
        ratings = [None if rating in (inf, -inf) else rating for rating in ratings]
    with Session(engine) as session:
        session.add_all(Book(id=n, title="", rating=r) for n, r in enumerate(ratings, 1))
        session.flush()
        if engine.dialect.name != "mariadb":
            assert walk(session, "rating") == [2, 8, 6, 3, 5, 1, 7, 4]
            assert walk(session, "-rating") == [1, 7, 5, 3, 6, 2, 8, 4]
        for sort in ("rating", "-rating"):
            for text in ("inf", "-inf"):
                cursor = sealed(f'["{sort},id","{text}",1]'.encode())
                page_of(session, BOUND, {"sort": sort, "cursor": cursor})
