"""Generic controllers and types: boot reports a type variable without a type."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypedDict, TypeVar

import attrs
import msgspec
import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from rxkernel import ConfigurationError, HttpMetadata, Inject, Signature, http
from rxkernel.pytest_plugin import ClientOf
from rxkernel.routing.signature_reader import read_signature

T = TypeVar("T")
K = TypeVar("K")
VARIABLE: Any = T


@attrs.frozen
class User:
    name: str


@attrs.frozen
class Stored(User):
    password: str = "s3cret"


class Crud(Generic[T]):
    @http("POST", "/items", "create")
    async def create(self, item: T) -> list[T]:
        return [Stored(item.name)]  # type: ignore[attr-defined, list-item]


class Keyed(Crud[T], Generic[K, T]):
    @http("GET", "/items/{key}", "show")
    async def show(self, key: K, other: "K | None" = None) -> dict[str, T]:
        return {str(key): Stored(str(other))}  # type: ignore[dict-item]


class Users(Keyed[int, User]): ...


class OtherUsers(Users): ...


@pytest.mark.parametrize("controller", [Users, OtherUsers])
async def test_type_variable_is_replaced_by_argument_of_subclass(
    client_of: ClientOf, controller: type
) -> None:
    client = client_of(controller)

    created = await client.http("create", body={"name": "ada"})
    refused = await client.http("create", body={"evil": 1})
    shown = await client.http("show", params={"key": "7", "other": "8"})
    unfit = await client.http("show", params={"key": "x"})

    assert created.content == [User("ada")]
    assert refused.status_code == unfit.status_code == 422
    assert shown.content == {"7": User("8")}


def signature_of(cls: type, action: str) -> Signature:
    metadata = HttpMetadata(cls, "name", "/", "POST", action)
    return read_signature(getattr(cls(), action), metadata)


def test_type_variables_are_resolved_through_several_bases() -> None:
    assert [p.type for p in signature_of(OtherUsers, "show").parameters] == [int, int | None]
    assert signature_of(OtherUsers, "create").returns == list[User]


@attrs.frozen
class Page(Generic[T]):
    items: list[T]


@dataclass
class Bare(Page): ...  # type: ignore[type-arg]


class Row(TypedDict, Generic[T]):
    items: list[T]


class UserRow(Row[User]): ...


class Holder(msgspec.Struct):
    pages: list[Page]  # type: ignore[type-arg]


class Repository(Generic[T]): ...


class Open(Crud): ...  # type: ignore[type-arg]


class Half(Keyed[int, T]): ...


def returning(annotation: Any) -> Callable[..., Any]:
    async def action(self: Any) -> None: ...

    action.__annotations__["return"] = annotation
    return action


def taking(annotation: Any) -> Callable[..., Any]:
    async def action(self: Any, x: Any) -> None: ...

    action.__annotations__["x"] = annotation
    return action


@pytest.mark.parametrize("make", [returning, taking])
@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (VARIABLE, "the type variable T has no type; .* class Users"),
        (list[VARIABLE], "the type variable T has no type"),
        (Page[VARIABLE], "the type variable T has no type"),
        (Page[VARIABLE] | None, "the type variable T has no type"),
        (Page, r"Page is generic; write its type, as in Page\[User\]"),
        (list[Page], "Page is generic"),  # type: ignore[type-arg]
        (Bare, "Page is generic"),
        (dict[str, Holder], "Page is generic"),
        (UserRow, "UserRow derives from a generic TypedDict; write its fields"),
    ],
    ids=str,
)
def test_unresolved_type_variable_is_reported(make: Any, annotation: Any, message: str) -> None:
    controller = type("C", (), {"action": make(annotation)})
    with pytest.raises(ConfigurationError, match=message):
        signature_of(controller, "action")


class Expression(Generic[T]): ...


class Column(Expression[T]):
    """Like the column classes of an ORM, which do not set the type variables of their bases."""


class OpenColumn(Column): ...  # type: ignore[type-arg]


@attrs.frozen
class Entity:
    id: OpenColumn


class MappedBase(MappedAsDataclass, DeclarativeBase): ...


class MappedEntity(MappedBase):
    __tablename__ = "entity"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.mark.parametrize("make", [returning, taking])
@pytest.mark.parametrize("annotation", [Entity, list[Entity], MappedEntity, MappedEntity | None])
def test_open_type_variable_in_field_is_reported_with_its_class(
    make: Any, annotation: Any
) -> None:
    controller = type("C", (), {"action": make(annotation)})
    text = r"the field id of \w*Entity is of the class \w+, which .*; declare an attrs class or a"
    with pytest.raises(ConfigurationError, match=text) as raised:
        signature_of(controller, "action")
    assert len(raised.value.problems) == 1


@pytest.mark.parametrize("controller", [Crud, Open, Half])
def test_generic_controller_without_type_argument_is_reported(controller: type) -> None:
    with pytest.raises(ConfigurationError, match="the type variable T has no type") as raised:
        signature_of(controller, "create")
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize("make", [returning, taking])
@pytest.mark.parametrize(
    "annotation", [Page[User], list[Page[int]], Page[Any], Row[User]], ids=str
)
def test_generic_types_with_arguments_are_accepted(make: Any, annotation: Any) -> None:
    assert signature_of(type("C", (), {"action": make(annotation)}), "action")


def test_service_of_generic_class_is_injected() -> None:
    controller = type("C", (), {"action": taking(Annotated[Repository, Inject()])})
    assert signature_of(controller, "action").parameters[0].type is Repository


PEP_695 = """
from __future__ import annotations
from rxkernel import http

class Crud[T]:
    async def create(self, item: T) -> Ids[T]: ...
    async def own[U](self, item: U) -> None: ...

type Ids[T] = list[T]
class Users(Crud[User]): ...
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in 3.12")
def test_pep_695_type_parameters_are_resolved() -> None:
    names: dict[str, Any] = {"User": User, "__name__": __name__}
    exec(PEP_695, names)

    signature = signature_of(names["Users"], "create")
    assert (signature.parameters[0].type, signature.returns) == (User, names["Ids"][User])
    with pytest.raises(ConfigurationError, match="the type variable U has no type"):
        signature_of(names["Users"], "own")
    with pytest.raises(ConfigurationError, match="the type variable T has no type"):
        signature_of(names["Crud"], "create")
