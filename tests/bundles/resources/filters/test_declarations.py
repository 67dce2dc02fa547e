"""The declarations of `Filters` and `Field`, and their errors at boot."""

from datetime import UTC, date
from typing import Any

import pytest
from sqlalchemy import Integer, String, TypeDecorator, func, select
from sqlalchemy.orm import Mapped, mapped_column

from bundles.resources import Field, Filters
from rxkernel import ConfigurationError, UnprocessableEntityException, ValidationError
from rxkernel.routing.input_description import checked_description
from tests.bundles.resources.filters.library import (
    Author,
    Base,
    Book,
    Kind,
    Tag,
    at,
    ids,
    session_of,
)


class Cents(TypeDecorator[int]):
    """An amount in the currency's unit, stored as cents."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> int | None:
        return None if value is None else round(value * 100)


class Upper(TypeDecorator[str]):
    """A text that is stored in upper case."""

    impl = String
    cache_ok = True
    python_type = str

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else value.upper()


class Key(Base):
    __tablename__ = "key"

    name: Mapped[str] = mapped_column(Upper(20), primary_key=True)


class Unsorted(Base):
    __tablename__ = "unsorted"

    amount: Mapped[Any] = mapped_column(Cents(), primary_key=True)


class Sale(Base):
    __tablename__ = "sale"

    number: Mapped[int] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True)
    sum: Mapped[Any] = mapped_column(Cents())
    sort: Mapped[int]


def problems(filters: Filters, entity: Any = Book, **arguments: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        filters.bind(entity, **arguments)
    return caught.value.problems


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        (Filters(titel="$eq"), "'titel': Book has no column 'titel'; did you mean 'title'?"),
        (Filters(title="$equal"), "which does not exist; did you mean '$eq'?; there are $eq, $ne"),
        (Filters(title=()), "filter 'title' has no operator; write title=('$eq',)"),
        (Filters(pages="$contains"), "filter 'pages': $contains needs a text, but the values are"),
        (Filters(kind="$lt"), "$lt needs a number, a text, a date or a time, but the values are"),
        (Filters(is_lent="$gte"), "$gte needs a number, a text, a date or a time, but"),
        (Filters(code="$gt"), "$gt needs a number, a text, a date or a time, but the values are"),
        (Filters(extra="$eq"), "it is not known what a client sends for $eq of a column of this"),
        (Filters(cover="$eq"), "it is not known what a client sends for $eq of a column of this"),
        (
            Filters(author="$eq"),
            "'author': Book.author is a relation, which has no value; name a column of it: "
            "Field(path='author.id')",
        ),
        (Filters(x=Field("$eq", path="autor.name")), "Book has no relation 'autor'; did you mean"),
        (Filters(x=Field("$eq", path="title.name")), "Book has no relation 'title'"),
        (Filters(x=Field("$eq", path="author.nam")), "Author has no column 'nam'; did you mean"),
        (Filters(x=Field("$eq", column=5)), "the column of 'x' is not a column; filters compare"),
        (
            Filters(x=Field("$eq", column=func.f(1))),
            "the column of 'x' has no type, as the result",
        ),
        (Filters({"a[b]": "$eq"}), "filter 'a[b]': a name has no bracket, dollar sign or comma"),
        (Filters({"$or": "$eq"}), "filter '$or': a name has no bracket, dollar sign or comma"),
        (Filters({"-id": "$eq"}), "filter '-id': a name has no bracket, dollar sign or comma"),
        (
            Filters(title=Field("$eq", rename={"$in": "$like"})),
            "filter 'title' renames '$in', which it does not have; add it to its operators",
        ),
        (
            Filters(title=Field("$eq", rename={"$eq": "$lik"})),
            "filter 'title' has the operator '$lik', which does not exist; did you mean '$like'?",
        ),
        (Filters(sort="titel"), "'titel': Book has no column 'titel'; did you mean 'title'?"),
        (
            Filters(tag=Field("$eq", path="tags.name"), sort="tag"),
            "sort 'tag': a row has several values of 'tags.name'; sort by a column of the entity",
        ),
        (
            Filters(sort="extra"),
            "sort 'extra': a cursor cannot hold values of JSON(); a TypeDecorator of",
        ),
        (
            Filters(sort="title", default_sort="-titel"),
            "default_sort 'titel' is not a name of sort",
        ),
    ],
)
def test_boot_with_an_invalid_filter_reports_the_problem(filters: Filters, problem: str) -> None:
    [found] = problems(filters)
    assert found.startswith("filters of Book: ")
    assert problem in found


def test_boot_reports_all_problems_at_once() -> None:
    found = problems(Filters(titel="$eq", title="$eqq", pages="$like", sort="x"), page=0)
    assert len(found) == 5


def test_boot_reports_entity_that_is_not_mapped() -> None:
    assert "is not a mapped class of SQLAlchemy" in problems(Filters(), entity=dict)[0]


def test_boot_reports_filter_with_name_of_parameter_of_route() -> None:
    [found] = problems(Filters(title="$eq"), ignored=("title", "id"))
    assert "filter 'title' has the name of another parameter of the route" in found


@pytest.mark.parametrize("arguments", [{"page": 0}, {"page": 201}, {"page": 5, "limit": 4}])
def test_boot_reports_page_out_of_limit(arguments: dict[str, int]) -> None:
    [found] = problems(Filters(), **arguments)
    assert "write page and limit with 1 <= page <= limit" in found


def test_boot_reports_type_that_is_not_read_from_one_parameter() -> None:
    [found] = problems(Filters(title=Field("$eq", type=set[int])))
    assert "reads one value, not a set" in found


def test_transformers_run_from_left_to_right_on_each_value() -> None:
    """RxStack: the values of `$in` go through the transformers too."""
    seen = Field("$in", "$contains", path="title", transform=[str.strip, lambda text: text + "!"])
    filters = Filters(name=seen).bind(Book)
    with session_of(Book(id=1, title="a!"), Book(id=2, title="b!"), Book(id=3, title="a")) as s:
        assert ids(s, filters, "name[$in]= a &name[$in]=b") == [1, 2]
        assert ids(s, filters, "name[$contains]= a") == [1]


def test_transformer_that_raises_rejects_value() -> None:
    def positive(number: int) -> int:
        if number < 0:
            raise ValidationError("expected a positive number", code="too_small")
        return 10 // number if number else int("secret")

    filters = Filters(pages=Field("$eq", "$in", transform=[positive])).bind(Book)
    with pytest.raises(UnprocessableEntityException) as caught:
        filters.parse({"pages": {"$in": [1, -1], "$eq": 0}})
    assert caught.value.errors == [
        {
            "path": "params.pages.$in[1]",
            "code": "too_small",
            "message": "expected a positive number",
        },
        {"path": "params.pages.$eq", "code": "invalid", "message": "is not valid"},
    ]


def test_renamed_operator_runs_in_place_of_the_one_that_was_sent() -> None:
    """A name is replaced once; the new name is not replaced again."""
    name = Field("$eq", "$ne", path="title", rename={"$eq": "$contains", "$ne": "$eq"})
    filters = Filters(name=name).bind(Book)
    with session_of(Book(id=1, title="ab"), Book(id=2, title="b")) as session:
        assert ids(session, filters, "name=B") == [1, 2]
        assert ids(session, filters, "name[$ne]=b") == [2]


def test_filters_with_one_column_are_all_applied() -> None:
    """In RxStack, two properties with one path overwrote each other."""
    filters = Filters(title="$eq", name=Field("$eq", "$ne", path="title"), sort="title").bind(Book)
    with session_of(Book(id=1, title="a"), Book(id=2, title="b")) as session:
        assert ids(session, filters, "title=a&name=b") == []
        assert ids(session, filters, "title=a&name[$ne]=b") == [1]


def test_expression_is_compared_and_sorted_by() -> None:
    size = Field("$gt", column=func.length(Book.title, type_=Integer))
    filters = Filters(size=size, sort="size", default_sort="-size").bind(Book, page=1)
    books = (Book(id=n, title="x" * n) for n in (1, 2, 3))
    with session_of(*books) as session:
        query = filters.parse({"size": {"$gt": 1}})
        items, cursor = query.page(session.execute(query.apply(select(Book))).all())
        assert [book.id for book in items] == [3]
        query = filters.parse({"size": {"$gt": 1}, "cursor": cursor})
        items, cursor = query.page(session.execute(query.apply(select(Book))).all())
        assert ([book.id for book in items], cursor) == ([2], None)


def test_type_of_client_replaces_type_of_column() -> None:
    """A client cannot send the values of such a column."""
    filters = Filters(sum=Field("$gt", "$null", type=float), sort="number").bind(Sale)
    with session_of(*(Sale(number=n, region="x", sum=n / 2, sort=0) for n in (1, 2, 3))) as s:
        query = filters.parse({"sum[$gt]": "0.5"})
        items, _ = query.page(s.execute(query.apply(select(Sale))).all())
        assert [sale.number for sale in items] == [2, 3]
    [problem] = problems(Filters(sum="$gt"), Sale)
    assert "write Field('$gt', type=str, transform=[…])" in problem


def test_several_operators_of_a_relation_match_one_related_row() -> None:
    filters = Filters(weight=Field("$gt", "$lt", "$ne", path="tags.weight")).bind(Book)
    tags = [Tag(id=n, weight=n) for n in (1, 5)]
    with session_of(Book(id=1, title="a", tags=tags), Book(id=2, title="b", tags=tags[:1])) as s:
        assert ids(s, filters, "weight[$gt]=1&weight[$lt]=5") == []
        assert ids(s, filters, "weight[$gt]=0&weight[$lt]=5") == [1, 2]
        assert ids(s, filters, "weight[$ne]=5") == [2]


def test_filter_with_the_name_of_an_option_moves_the_option_to_dollar() -> None:
    filters = Filters({"sort": ("$eq",), "limit": Field("$eq", path="number")}, sort=("number",))
    bound = filters.bind(Sale)
    query = bound.parse({"sort": "1", "limit": "2", "$sort": "-number", "$limit": "3"})
    assert (len(query.where), query.limit) == (2, 3)
    assert [order.text for order in query.orders] == ["-number", "region"]
    keys = [each["key"] for each in bound.describe()["inputs"]]
    assert keys == ["sort", "limit", "$limit", "skip", "$sort", "cursor"]


def test_names_of_options_can_be_parameters_of_route() -> None:
    bound = Filters().bind(Sale, ignored=("skip",))
    query = bound.parse({"skip": "everything", "$skip": 2})
    assert query.skip == 2
    assert [each["key"] for each in bound.describe()["inputs"]] == ["limit", "$skip", "cursor"]


def test_datetimes_are_compared_in_any_timezone() -> None:
    filters = Filters(seen=("$eq", "$lt")).bind(Book)
    with session_of(Book(id=1, title="a", seen=at(2, tz=UTC))) as session:
        assert ids(session, filters, "seen=2026-01-02T02:00:00%2B02:00") == [1]
        assert ids(session, filters, "seen[$lt]=2026-01-02T00:00:00-00:01") == [1]
        assert ids(session, filters, "seen[$lt]=2026-01-02T00:00:00%2B00:01") == []


def test_description_lists_the_parameters_of_clients() -> None:
    filters = Filters(
        title=("$eq", "$contains"),
        pages=("$in",),
        kind="$eq",
        cover="$null",
        sort=("title", "pages"),
        default_sort="-pages",
    ).bind(Book, page=20, limit=100)
    description = filters.describe()
    checked_description(description)
    assert description["statuses"] == [422]
    schemas = {each["key"]: each["schema"] for each in description["inputs"]}
    assert not any(each["required"] for each in description["inputs"])
    assert schemas == {
        "title": {"type": "string", "maxLength": 2000},
        "title[$contains]": {"type": "string", "maxLength": 2000},
        "pages[$in]": {
            "type": "array",
            "items": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            "minItems": 1,
            "maxItems": 200,
        },
        "kind": {"enum": [kind.value for kind in Kind]},
        "cover[$null]": {"type": "boolean"},
        "limit": {"type": "integer", "minimum": 1, "default": 20},
        "skip": {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0},
        "sort": {
            "type": "string",
            "pattern": "^(-?(title|pages)(,-?(title|pages))*)?$",
            "default": "-pages",
        },
        "cursor": {"type": "string"},
    }


def test_filters_without_sort_have_no_sort_parameter() -> None:
    bound = Filters(title="$eq").bind(Book)
    assert "sort" not in [each["key"] for each in bound.describe()["inputs"]]
    with pytest.raises(UnprocessableEntityException) as caught:
        bound.parse({"sort": "title"})
    assert isinstance(caught.value.errors, list)
    assert [each["code"] for each in caught.value.errors] == ["unknown_field"]


def test_missing_row_of_a_relation_is_a_missing_value() -> None:
    filters = Filters(author=Field("$eq", "$ne", "$null", path="author.name"), sort="author")
    bound = filters.bind(Book)
    books = (
        Book(id=1, title="a", author=Author(id=1, name="ada")),
        Book(id=2, title="b", author=Author(id=2, name=None)),
        Book(id=3, title="c"),
    )
    with session_of(*books) as session:
        assert ids(session, bound, "author[$null]=true") == [2, 3]
        assert ids(session, bound, "author[$ne]=ada") == [2, 3]
        assert ids(session, bound, "sort=-author") == [1, 2, 3]


def test_date_without_time_is_not_a_datetime() -> None:
    bound = Filters(printed="$eq").bind(Book)
    with pytest.raises(UnprocessableEntityException):
        bound.parse({"printed": date(2026, 1, 1).isoformat()})


def test_composite_primary_key_breaks_ties() -> None:
    filters = Filters({"sort": "$eq"}, sort=("region", "sort")).bind(Sale, page=2)
    sales = [Sale(number=n, region=r, sum=1, sort=n % 2) for n in (1, 2, 3) for r in ("a", "b")]
    with session_of(*sales) as session:
        for sort, expected in (
            ("-region", [(1, "b"), (2, "b"), (3, "b"), (1, "a"), (2, "a"), (3, "a")]),
            ("sort", [(2, "a"), (2, "b"), (1, "a"), (1, "b"), (3, "a"), (3, "b")]),
        ):
            found: list[tuple[int, str]] = []
            cursor: str | None = None
            while len(found) < len(sales):
                asked = {"$sort": sort} | ({"cursor": cursor} if cursor else {})
                query = filters.parse(asked)
                items, cursor = query.page(session.execute(query.apply(select(Sale))).all())
                assert items
                found += [(sale.number, sale.region) for sale in items]
            assert (found, cursor) == (expected, None)


def test_own_type_with_python_type_is_compared_and_sorted() -> None:
    bound = Filters(name=("$eq", "$contains")).bind(Key, page=1)
    with session_of(Key(name="a"), Key(name="b")) as session:

        def found(**asked: Any) -> tuple[list[str], str | None]:
            query = bound.parse(asked)
            items, cursor = query.page(session.execute(query.apply(select(Key))).all())
            return [key.name for key in items], cursor

        assert found(name="b") == (["B"], None)
        names, cursor = found()
        assert names == ["A"]
        assert found(cursor=cursor) == (["B"], None)


def test_boot_reports_primary_key_that_a_cursor_cannot_hold() -> None:
    [found] = problems(Filters(), Unsorted)
    assert "sort 'amount': a cursor cannot hold values of Cents(); a TypeDecorator of" in found
