"""A value that is sent unchanged equals what its conversion would return."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.binding.response_shape import Shaper
from rxkernel.kernel.binding.schema_reader import read_schema
from rxkernel.kernel.serialization import to_plain


@attrs.frozen
class User:
    name: str
    tags: list[str] = attrs.field(factory=list)


@attrs.frozen
class Admin(User):
    password: str = "s3cret"


@attrs.define(slots=False)
class Loose:
    name: str


class Cell(msgspec.Struct, array_like=True, tag="cell"):
    user: User


class Holder(msgspec.Struct, tag="holder"):
    user: User


class Keeper(msgspec.Struct, tag="keeper"):
    user: User


class Pair(NamedTuple):
    one: User
    two: int = 0


@dataclass
class Page:
    users: list[User]
    size: int = 10


@dataclass
class Book:
    pages: dict[str, Page] = field(default_factory=dict)


@attrs.define
class Deep:
    user: User | None = None
    loose: Any = None
    pair: Pair | None = None
    places: tuple[User, int] | None = None
    choice: Holder | Keeper | list[User] | str | None = None
    cells: list[Cell] = attrs.field(factory=list)
    book: Book = attrs.field(factory=Book)
    by_name: dict[str, Loose] = attrs.field(factory=dict)
    groups: list[list[User]] = attrs.field(factory=list)


@attrs.define
class Tree:
    user: User
    below: "list[Tree]" = attrs.field(factory=list)
    above: "Tree | None" = None


def _with_extra(loose: Loose) -> Loose:
    loose.password = "s3cret"  # type: ignore[attr-defined]
    return loose


def _unset() -> Deep:
    """An instance that lacks a field."""
    deep = Deep()
    del deep.book
    return deep


def _without_default() -> Page:
    """An instance as msgspec creates it: without the default."""
    return msgspec.convert({"users": []}, Page)


_TEXTS = st.sampled_from(["a", "b"])
_USERS: st.SearchStrategy[Any] = (
    st.builds(User, _TEXTS)
    | st.builds(User, _TEXTS, st.sampled_from([[], ["a"], ("a",), {"a"}, None]))
    | st.builds(Admin, _TEXTS)
    | st.just({"name": "a"})
)
_LOOSE = st.builds(Loose, _TEXTS) | st.builds(Loose, _TEXTS).map(_with_extra)
_PAIRS: st.SearchStrategy[Any] = st.builds(Pair, _USERS) | st.tuples(_USERS, st.integers())
_PAGES = st.builds(Page, st.lists(_USERS, max_size=2)) | st.builds(_without_default)
_BOOKS = st.builds(Book, st.dictionaries(_TEXTS, _PAGES, max_size=2))
_DEEP = (
    st.builds(
        Deep,
        _USERS | st.none() | st.integers(),
        _USERS | _LOOSE,
        st.none() | _PAIRS,
        st.none() | _PAIRS,
        st.none()
        | _TEXTS
        | st.builds(Holder, _USERS)
        | st.builds(Keeper, _USERS)
        | st.lists(_USERS, max_size=2),
        st.lists(st.builds(Cell, _USERS), max_size=2),
        _BOOKS,
        st.dictionaries(_TEXTS, _LOOSE, max_size=2),
        st.lists(st.lists(_USERS, max_size=2), max_size=2),
    )
    | st.builds(Deep)
    | st.builds(_unset)
)
_TREES = st.recursive(
    st.builds(Tree, _USERS),
    lambda trees: st.builds(Tree, _USERS, st.lists(trees, max_size=2), st.none() | trees),
    max_leaves=3,
)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), _TEXTS, st.integers(), _USERS, _LOOSE, _PAIRS, _PAGES, _BOOKS, _DEEP, _TREES
)
_ANY = (
    _VALUES
    | st.lists(_VALUES, max_size=3)
    | st.tuples(_VALUES)
    | st.dictionaries(st.sampled_from(["a", 1]), _VALUES, max_size=2)
)
_TYPES: list[Any] = [
    *(User, Loose, Page, Book, Deep, Tree, Pair, Holder, Cell, int, str),
    *(User | None, Holder | Keeper | None, Page | str, list[User] | None, Loose | list[Deep]),
    *(list[User], list[User | None], list[Deep], list[list[Page]], list[Tree], tuple[User, ...]),
    *(dict[str, User], dict[int, User], dict[str, list[Book]], dict[str, Deep] | None),
]


@given(st.sampled_from(_TYPES), st.data())
def test_passthrough_of_any_value_equals_its_conversion(type_: Any, data: st.DataObject) -> None:
    value = data.draw(_of_type(type_) | _ANY)
    shaper = Shaper(type_, "here")
    passes = read_schema(type_).passes_through(value)

    try:
        shaped = to_plain(shaper.shape(value))  # first, because it may set a missing default
    except RxKernelError:
        with pytest.raises(RxKernelError):
            shaper.convert(value)
        return

    assert shaped == to_plain(shaper.convert(value))
    if passes:
        assert shaper.shape(value) is value
        assert shaper.convert(value) == value


def _of_type(type_: Any) -> st.SearchStrategy[Any]:
    """Values that are, or nearly are, of *type_*."""
    near = {
        User: _USERS,
        Loose: _LOOSE,
        Page: _PAGES,
        Book: _BOOKS,
        Deep: _DEEP,
        Tree: _TREES,
        Pair: _PAIRS,
    }
    many = {list[User]: _USERS, list[Deep]: _DEEP, list[Tree]: _TREES, list[User | None]: _USERS}
    if type_ in many:
        return st.lists(many[type_], max_size=3)
    return near.get(type_, _VALUES)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (Deep, Deep(User("a"), cells=[Cell(User("a"))], groups=[[User("a")]])),
        (Deep, Deep(book=Book({"a": Page([User("a")])}), by_name={"a": Loose("a")})),
        (Deep, Deep(pair=Pair(User("a")), places=(User("a"), 1), choice=Keeper(User("a")))),
        (Deep | None, None),
        (list[Deep], [Deep(), Deep(choice=[User("a")])]),
        (dict[str, Deep], {"a": Deep()}),
        (Tree, Tree(User("a"))),
        (list[User | None], [User("a"), None]),
    ],
)
def test_value_with_declared_fields_only_passes_through(type_: Any, value: Any) -> None:
    assert read_schema(type_).passes_through(value)
    assert Shaper(type_, "here").shape(value) is value


def test_missing_default_of_passed_instance_is_set() -> None:
    assert to_plain(Shaper(Page, "here").shape(_without_default())) == {"users": [], "size": 10}


@pytest.mark.parametrize("type_", [User, Deep, dict[str, User], int])
def test_empty_list_for_another_type_is_an_error(type_: Any) -> None:
    with pytest.raises(RxKernelError, match="does not fit"):
        Shaper(type_, "here").shape([])
