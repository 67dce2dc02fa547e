"""With a return annotation only declared fields are sent, at every depth."""

import functools
import re
import typing
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Sequence,
    ValuesView,
)
from dataclasses import dataclass
from typing import Annotated, Any, Generic, NamedTuple, NewType, NoReturn, TypedDict, TypeVar

import attr
import attrs
import msgspec
import pytest

from rxkernel import (
    Acknowledgement,
    ConfigurationError,
    EventStreamResponse,
    FileResponse,
    KernelEvents,
    RedirectResponse,
    Request,
    Response,
    ResponseEvent,
    StreamResponse,
    http,
    observe,
)
from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.binding.response_shape import shape_of
from rxkernel.kernel.serialization import to_plain
from rxkernel.pytest_plugin import ClientOf

T = TypeVar("T")


@attrs.frozen
class User:
    name: str


@attrs.frozen
class Admin(User):
    password: str = "s3cret"


@attrs.frozen
class Task:
    id: int
    owner: User
    others: tuple[User, ...] = ()
    by_role: dict[str, User] = attrs.field(factory=dict)
    note: User | None = None


class Plain(msgspec.Struct, rename="camel"):
    first_name: str


class Secret(Plain):
    password: str = "s3cret"


class Holder(msgspec.Struct, tag="holder"):
    plain: Plain


@dataclass
class Page:
    tasks: list[Task]


class Brief(TypedDict):
    name: str


class Pair(NamedTuple):
    one: User
    two: int = 0


class Cell(msgspec.Struct, array_like=True):
    user: User


class Node(msgspec.Struct):
    user: User
    children: "list[Node]" = []


class Row:
    """An object with any attributes, like those of an ORM."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)
        self.password = "s3cret"


@attrs.define(slots=False)
class Loose:
    name: str

    @functools.cached_property
    def key(self) -> str:
        return "s3cret"


@attrs.define
class Keyed:
    name: str

    @functools.cached_property
    def key(self) -> str:
        return "s3cret"


@attr.s(auto_attribs=True)
class Classic:
    name: str


@attrs.define(slots=False)
class Anew:
    name: str

    def __attrs_post_init__(self) -> None:
        self.key = "s3cret"


@attrs.define
class Group:
    members: list[Loose | int]
    by_name: dict[str, Keyed]
    one: Anew | None = None


def keyed(made: Any) -> Any:
    made.key = getattr(made, "key", "s3cret")
    return made


class Markup(str):
    """A text class, like the markup classes of template engines."""


async def nothing() -> AsyncIterator[Any]:
    if ADMIN is None:
        yield b""


ADMIN = Admin("Ada")
ROW = Row(name="Ada")


def id_without_address(value: object) -> str:
    """Return an id without addresses, which differ between the processes of pytest-xdist."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def shaped(declared: Any, value: Any) -> Any:
    shape = shape_of(declared, "Tasks.show")
    assert shape is not None
    return shape(value)


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        (User, ADMIN, User("Ada")),
        (User, ROW, User("Ada")),
        (User, {"name": "Ada", "password": "s3cret"}, User("Ada")),
        (User | None, ADMIN, User("Ada")),
        (User | None, None, None),
        (User | Response, ADMIN, User("Ada")),
        (list[User], [ADMIN, ROW], [User("Ada")] * 2),
        (list[User], (ADMIN,), [User("Ada")]),
        (list[User], [User("x"), ADMIN], [User("x"), User("Ada")]),
        (Iterable[User], (u for u in [ADMIN]), [User("Ada")]),
        (Sequence[User], [ADMIN], [User("Ada")]),
        (list[User], {1: ADMIN}.values(), [User("Ada")]),
        (Iterator[User], iter([ADMIN]), [User("Ada")]),
        (Generator[User, None, None], (u for u in [ADMIN]), [User("Ada")]),
        (ValuesView[User], {1: ADMIN}.values(), [User("Ada")]),
        (deque[User], deque([ADMIN]), [User("Ada")]),
        (typing.Deque[User] | None, deque([ADMIN]), [User("Ada")]),  # noqa: UP006
        (list[Iterable[User]], [iter([ADMIN])], [[User("Ada")]]),
        (tuple[Iterable[User], ...], [[ADMIN]], ([User("Ada")],)),
        (dict[str, Iterable[User]], {"a": (u for u in [ADMIN])}, {"a": [User("Ada")]}),
        (OrderedDict[str, User], OrderedDict(a=ADMIN), {"a": User("Ada")}),
        (defaultdict[str, deque[User]], {"a": deque([ADMIN])}, {"a": [User("Ada")]}),
        (ChainMap[str, User], ChainMap({"a": ADMIN}), {"a": User("Ada")}),
        (Counter[str], Counter("a"), {"a": 1}),
        (Annotated[Iterable[User], "all"], [ADMIN], [User("Ada")]),
        (NewType("Users", Iterator[User]), [ADMIN], [User("Ada")]),
        (Awaitable[User], ADMIN, User("Ada")),
        (Coroutine[Any, Any, Iterable[User]], [ADMIN], [User("Ada")]),
        (dict[str, User], {"a": ADMIN}, {"a": User("Ada")}),
        (dict[str, list[User]], {"a": [ADMIN]}, {"a": [User("Ada")]}),
        (tuple[User, int], (ADMIN, 1), (User("Ada"), 1)),
        (Task, Task(1, ADMIN), Task(1, User("Ada"))),
        (Task, Task(1, User("x"), (ADMIN,)), Task(1, User("x"), (User("Ada"),))),
        (Task, Task(1, User("x"), (), {"a": ADMIN}), Task(1, User("x"), (), {"a": User("Ada")})),
        (Task, Task(1, User("x"), note=ADMIN), Task(1, User("x"), note=User("Ada"))),
        (Task, Row(id=1, owner=ROW, others=[ROW]), Task(1, User("Ada"), (User("Ada"),))),
        (Page, Page([Task(1, ADMIN)]), Page([Task(1, User("Ada"))])),
        (Plain, Secret("Ada"), Plain("Ada")),
        (Plain, {"first_name": "Ada", "password": "s3cret"}, Plain("Ada")),
        (Plain, {"firstName": "Ada"}, Plain("Ada")),
        (Holder, Holder(Secret("Ada")), Holder(Plain("Ada"))),
        (Brief, {"name": "Ada", "password": "s3cret"}, {"name": "Ada"}),
        (Brief, ROW, {"name": "Ada"}),
        (list[Brief], [{"name": "Ada", "password": "s3cret"}], [{"name": "Ada"}]),
        (Pair, Pair(ADMIN), Pair(User("Ada"))),
        (Pair, Row(one=ADMIN, two=2), Pair(User("Ada"), 2)),
        (Node, Node(ADMIN, [Node(ADMIN)]), Node(User("Ada"), [Node(User("Ada"))])),
        (User | Page, ADMIN, User("Ada")),
        (Cell, Cell(ADMIN), Cell(User("Ada"))),
        (list[Cell | None], [Row(user=ADMIN), None], [Cell(User("Ada")), None]),
        (list[User | None], [ADMIN, None, ROW], [User("Ada"), None, User("Ada")]),
        (dict[str, User | list[User]], {"a": [ADMIN]}, {"a": [User("Ada")]}),
        (tuple[str, ...], iter(["a"]), ("a",)),
        (User | Page, Page([]), Page([])),
        (User | Page, {"tasks": [], "password": 1}, Page([])),
        (int | User, 5, 5),
    ],
    ids=id_without_address,
)
def test_only_declared_fields_are_sent(declared: Any, value: Any, expected: Any) -> None:
    result = shaped(declared, value)
    assert result == expected
    assert type(result) is type(expected)
    assert "s3cret" not in str(to_plain(result))


@pytest.mark.parametrize("kind", [Loose, Keyed, Classic, Anew])
def test_extra_attributes_are_removed(kind: Any) -> None:
    """msgspec encodes the whole ``__dict__``, and the slots of cached properties."""
    for declared, wrap in ((kind, lambda x: x), (list[kind], lambda x: [x])):
        value = wrap(keyed(kind("Ada")))
        assert "s3cret" in str(to_plain(value))
        assert to_plain(shaped(declared, value)) == wrap({"name": "Ada"})
        assert to_plain(shaped(declared, wrap(Row(name="Ada")))) == wrap({"name": "Ada"})


def test_extra_attributes_are_removed_at_every_depth() -> None:
    made = Group([keyed(Loose("Ada")), 1], {"a": keyed(Keyed("Ada"))}, Anew("Ada"))
    ada = {"name": "Ada"}

    assert to_plain(shaped(Group, made)) == {
        "members": [ada, 1],
        "by_name": {"a": ada},
        "one": ada,
    }


def test_instance_without_extra_attributes_is_sent_unchanged() -> None:
    value = Loose("Ada")
    assert shaped(Loose, value) is value


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (User, User("Ada")),
        (Task, Task(1, User("Ada"), (User("x"),), {"a": User("b")}, User("n"))),
        (Page, Page([Task(1, User("Ada"))])),
        (dict[str, Any], {"a": object()}),
        (list[Any], [object()]),
        (list[User], [User("Ada")]),
        (str, "x"),
        (User | Response, Response(ADMIN)),
        (User | RedirectResponse, RedirectResponse("/")),
        (User, RedirectResponse("/")),
        (User, StreamResponse(nothing())),
        (User, EventStreamResponse(nothing())),
        (User, FileResponse(__file__)),
        (User, Acknowledgement(1, 2)),
        (User, Response(None, 204)),
        (User, Response({"reason": "no such user"}, 404)),
    ],
    ids=id_without_address,
)
def test_value_with_declared_fields_is_sent_unchanged(declared: Any, value: Any) -> None:
    assert shaped(declared, value) is value


@pytest.mark.parametrize("content", [ADMIN, ROW, {"name": "Ada", "password": "s3cret"}])
@pytest.mark.parametrize("declared", [User, User | None, User | RedirectResponse])
def test_content_of_plain_response_is_converted(declared: Any, content: Any) -> None:
    response = Response(content, 201, {"Location": "/users/1"})

    assert shaped(declared, response) is response
    assert response.content == User("Ada")
    assert type(response.content) is User
    assert (response.status_code, response.headers["Location"]) == (201, "/users/1")


@pytest.mark.parametrize(
    "declared",
    [
        *(Any, None, Response, object, OrderedDict, Response | None, User | Any, NoReturn),
        *(Markup, Awaitable[Any]),
    ],
)
def test_annotation_without_fields_converts_nothing(declared: Any) -> None:
    assert shape_of(type(None) if declared is None else declared, "Tasks.show") is None


@pytest.mark.parametrize(
    ("declared", "value", "place"),
    [
        (Task, {"id": 1, "owner": {"name": 5}}, r"\$\.owner\.name"),
        (list[Task], [Row(id=1)], r"missing required field `owner` - at `\$\[0\]"),
        (User, None, "Expected `object`, got `null`"),
        (User, "x", "Expected `object`, got `str`"),
        (User, Response("x"), "Expected `object`, got `str`"),
        (int, "7", "Expected `int`"),
        (User | Page, 5, "Tasks.show returned a int"),
    ],
)
def test_value_of_another_type_is_an_error_with_its_path(
    declared: Any, value: Any, place: str
) -> None:
    with pytest.raises(RxKernelError, match=place):
        shaped(declared, value)


def test_unknown_annotation_is_rejected_at_boot() -> None:
    with pytest.raises(
        ConfigurationError, match=r"declares to return .*cannot be converted: the classes User"
    ):
        shape_of(list[User | Page], "Tasks.show")


class Box(Generic[T]):
    """A class of the application that has no declared fields."""


@attrs.define
class Shelf:
    users: Iterable[User]


@pytest.mark.parametrize(
    ("declared", "named"),
    [
        (User | Row, "the contents of Row are not known"),
        (list[User] | Row | None, "the contents of Row are not known"),
        (Box[User], r"contents of .*Box\[.*User\] are not known"),
        (list[Box[User | None]], r"contents of .*Box\["),
        (AsyncIterator[User], r"contents of .*AsyncIterator\[.*User\] are not known"),
        (Shelf, r"contents of .*Iterable\["),
        (dict[str, Shelf], r"contents of .*Iterable\["),
    ],
    ids=id_without_address,
)
def test_annotation_that_hides_a_class_is_rejected_at_boot(declared: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Tasks.show .*{named}.* or Any"):
        shape_of(declared, "Tasks.show")


async def later() -> User:
    return ADMIN


BaseModel = type("BaseModel", (), {"__module__": "pydantic.main"})


class Model(BaseModel):  # type: ignore[misc, valid-type]
    """A class that looks like a model of pydantic."""


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        (Row, "Row"),
        (Row | None, "Row"),
        (Row | Response, "Row"),
        (list[Row], "Row"),
        (dict[str, list[Row]], "Row"),
        (Model, "Model, a pydantic model,"),
    ],
)
def test_class_that_cannot_be_sent_is_rejected_at_boot(declared: Any, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        shape_of(declared, "Tasks.show")

    assert f"cannot be sent: {name} cannot be encoded as JSON; make it" in str(caught.value)


def test_iterator_that_cannot_be_sent_is_rejected_with_the_class_for_streams() -> None:
    with pytest.raises(ConfigurationError, match=r"AsyncIterator cannot .*or StreamResponse for"):
        shape_of(AsyncIterator[bytes], "Tasks.show")


def test_awaitable_of_plain_def_is_converted() -> None:
    assert shaped(Awaitable[User], ADMIN) == User("Ada")


class Users:
    @http("GET", "/later", "later")
    def later(self) -> Awaitable[User]:
        return later()

    @http("GET", "/good", "good")
    async def good(self, request: Request) -> User:
        return ADMIN

    @http("GET", "/thread", "thread")
    def thread(self) -> User:
        return ADMIN

    @http("GET", "/bad", "bad")
    async def bad(self, request: Request) -> User:
        return Row(password="s3cret")  # type: ignore[return-value]


async def test_response_listeners_get_the_converted_content(client_of: ClientOf) -> None:
    seen = []

    class Watch:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def watch(self, event: ResponseEvent) -> None:
            seen.append(event.response.content)

    client = client_of(Users, listeners=[Watch])
    await client.http("good")
    await client.http("thread")
    await client.http("later")

    assert seen == [User("Ada")] * 3
    assert {type(content) for content in seen} == {User}


async def test_value_of_another_type_is_500_and_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client_of(Users).http("bad")

    assert response.content == {"statusCode": 500, "message": "Internal Server Error"}
    assert "Users.bad) returned a Row" in caplog.text
    assert "missing required field `name`" in caplog.text
