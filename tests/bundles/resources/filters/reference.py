"""The meaning of filters in Python: the rows that SQL must find."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from bundles.resources import Field, Filters
from tests.bundles.resources.filters.library import Author, Book, Country, Kind, Tag, at

ORDERED = ("$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$in", "$nin", "$null")
EQUAL = ("$eq", "$ne", "$in", "$nin", "$null")
TEXTS = (*ORDERED, "$like", "$contains", "$starts")

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$lt": operator.lt,
    "$lte": operator.le,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$eq": operator.eq,
    "$contains": lambda value, text: text.lower() in value.lower(),
    "$starts": lambda value, text: value.lower().startswith(text.lower()),
    "$like": lambda value, text: _pattern(text).fullmatch(value) is not None,
}


def _pattern(text: str) -> re.Pattern[str]:
    parts = [{"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in text]
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


RATINGS = (0.1, -0.1, 1 / 3, 1e300, 5e-324, 0.0)
SCORES = (0.1, 1 / 3, 2 / 3, 16777.217)
"""Values of a FLOAT, which has single precision in MariaDB: tests only sort by it."""
CODES = (UUID(int=1), UUID(int=2**127))
STATES = ("new", "old")
DAYS = range(1, 5)

TEXT = st.text("aAb%_/", max_size=3)
INTS = st.integers(-2, 2)
PRICES = st.integers(-3, 3).map(lambda cents: Decimal(cents) / 10)
NAIVE = st.sampled_from(DAYS).map(at)
AWARE = st.sampled_from(DAYS).map(lambda day: at(day, tz=UTC))


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


# By the name of a filter: its declaration, the values of a row, the operands.
CASES: Mapping[str, tuple[Any, Callable[[Book], list[Any]], st.SearchStrategy[Any]]] = {
    "title": (TEXTS, lambda book: [book.title], TEXT),
    "pages": (ORDERED, lambda book: [book.pages], INTS),
    "price": (ORDERED, lambda book: [book.price], PRICES),
    "rating": (ORDERED, lambda book: [book.rating], st.sampled_from(RATINGS)),
    "is_lent": (EQUAL, lambda book: [book.is_lent], st.booleans()),
    "kind": (EQUAL, lambda book: [book.kind], st.sampled_from(Kind)),
    "state": (EQUAL, lambda book: [book.state], st.sampled_from(STATES)),
    "code": (EQUAL, lambda book: [book.code], st.sampled_from(CODES)),
    "printed": (ORDERED, lambda book: [book.printed], NAIVE),
    "seen": (ORDERED, lambda book: [book.seen], AWARE),
    "label": (TEXTS, lambda book: [f"{book.title}!"], TEXT),
    "author": (
        Field(*TEXTS, path="author.name"),
        lambda book: [book.author.name] if book.author else [],
        TEXT,
    ),
    "country": (
        Field(*TEXTS, path="author.country.name"),
        lambda book: [book.author.country.name] if book.author and book.author.country else [],
        TEXT,
    ),
    "mentor": (
        Field(*TEXTS, path="author.mentor.name"),
        lambda book: [book.author.mentor.name] if book.author and book.author.mentor else [],
        TEXT,
    ),
    "tag": (Field(*TEXTS, path="tags.name"), lambda book: [tag.name for tag in book.tags], TEXT),
    "weight": (
        Field(*ORDERED, path="tags.weight"),
        lambda book: [tag.weight for tag in book.tags],
        INTS,
    ),
}

SORTED = (
    *("title", "pages", "price", "rating", "is_lent", "kind", "state", "code", "printed"),
    *("seen", "label", "author", "country", "mentor", "id", "score"),
)
"""Names of keys whose order is that of the values in Python; an enum is sorted by its name."""

FILTERS = Filters(
    {name: declared for name, (declared, _, _) in CASES.items()}, sort=SORTED, any_of=5
)


NEVER_NULL = ("title", "is_lent", "state")


def operators_of(name: str) -> tuple[str, ...]:
    declared = CASES[name][0]
    return declared.operators if isinstance(declared, Field) else tuple(declared)


def values_of(name: str, book: Book) -> list[Any]:
    if name in ("id", "score"):
        return [value for value in (getattr(book, name),) if value is not None]
    return [value for value in CASES[name][1](book) if value is not None]


def holds(name: str, operations: Mapping[str, Any], book: Book) -> bool:
    """Whether *operations* are true for *book*. All comparisons must be true for the same
    value."""
    values = values_of(name, book)
    compared: list[tuple[str, Any]] = []
    for operator_, operand in operations.items():
        if operator_ == "$null":
            if bool(values) is operand:
                return False
        elif operator_ in ("$in", "$nin", "$ne") or operand is None:
            operands = operand if operator_ in ("$in", "$nin") else [operand]
            found = (None in operands and not values) or any(v in operands for v in values)
            if found is (operator_ in ("$nin", "$ne")):
                return False
        else:
            compared.append((operator_, operand))
    return not compared or any(
        all(_COMPARISONS[name](value, operand) for name, operand in compared) for value in values
    )


def finds(tree: Mapping[str, Any], book: Book) -> bool:
    return all(
        any(finds(each, book) for each in given) if name == "$or" else holds(name, given, book)
        for name, given in tree.items()
    )


@st.composite
def operations(draw: st.DrawFn, name: str) -> dict[str, Any]:
    operands = CASES[name][2]
    names = operators_of(name)
    nullable = name not in NEVER_NULL
    found: dict[str, Any] = {}
    for each in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        values = optional(operands) if nullable and each in EQUAL else operands
        if each == "$null":
            found[each] = draw(st.booleans())
        elif each in ("$in", "$nin"):
            found[each] = draw(st.lists(values, min_size=1, max_size=3))
        else:
            found[each] = draw(values)
    return found


def all_of(least: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(st.sampled_from(list(CASES)), min_size=least, max_size=2, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: operations(name) for name in names})
    )


def trees() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        all_of(),
        st.builds(
            lambda tree, parts: {**tree, "$or": parts},
            all_of(),
            st.lists(all_of(1), min_size=1, max_size=3),
        ),
    )


def wire(value: Any) -> Any:
    """Return *value* in the form of JSON over a socket."""
    if isinstance(value, dict):
        return {name: wire(each) for name, each in value.items()}
    if isinstance(value, list):
        return [wire(each) for each in value]
    if isinstance(value, Kind):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | UUID) else value


def shelf(seed: int, size: int) -> list[Book]:
    """*size* books with authors and tags, which they share.

    *seed* determines them, since drawing each value separately takes ten times as long.
    """
    random = Random(seed)

    def text() -> str:
        return "".join(random.choices("aAb%_/", k=random.randrange(4)))

    def one(values: Sequence[Any]) -> Any:
        return random.choice([None, *values])

    countries = [Country(id=n, name=text()) for n in (1, 2)]
    authors: list[Author] = []
    for n in (1, 2, 3):
        author = Author(id=n, name=one([text()]), country=one(countries), mentor=one(authors))
        authors.append(author)
    tags = [Tag(id=n, name=one([text(), text()]), weight=random.randint(-2, 2)) for n in (1, 2, 3)]
    return [
        Book(
            id=number,
            title=text(),
            pages=one(range(-2, 3)),
            price=one([Decimal(n) / 10 for n in range(-3, 4)]),
            rating=one(RATINGS),
            score=one(SCORES),
            is_lent=random.random() < 0.5,
            kind=one(list(Kind)),
            state=random.choice(STATES),
            code=one(CODES),
            printed=one([at(day) for day in DAYS]),
            seen=one([at(day, tz=UTC) for day in DAYS]),
            author=one(authors),
            tags=random.sample(tags, random.randrange(4)),
        )
        for number in range(1, size + 1)
    ]


SHELVES = st.builds(shelf, st.integers(0, 2**32), st.integers(0, 6))
