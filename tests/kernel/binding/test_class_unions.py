"""Classes of a union are distinguished by a field that is a Literal in each."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
import pytest

from rxkernel import ConfigurationError, Response, RxKernelError, encode_json, http, websocket
from rxkernel.kernel.binding.response_shape import shape_of
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.pytest_plugin import ClientOf
from rxkernel.routing.type_info import union_tag
from rxkernel.routing.union_tags import UnionTag

T = TypeVar("T")


@attrs.frozen
class Cat:
    kind: Literal["cat"]
    lives: Annotated[int, msgspec.Meta(le=9)] = 9
    friends: "list[Cat | Dog]" = attrs.field(factory=list)


@dataclass(frozen=True)
class Dog:
    name: str
    kind: Literal["dog", "puppy"] = "dog"
    tags: list[str] = field(default_factory=list)


@attrs.frozen
class Tame:
    wild: Literal[False]


@attrs.frozen
class Wild:
    wild: Literal[True]
    teeth: int = attrs.field(default=0, converter=int)


@attrs.frozen
class One:
    version: Literal[1]
    kind: Literal["x"] = "x"


@attrs.frozen
class Two:
    version: Literal[2, 3]
    kind: Literal["y"] = "y"


@attrs.frozen
class Owner:
    pet: Cat | Dog | None
    count: int = 1
    others: dict[str, Cat | Dog | int] = attrs.field(factory=dict)


@attrs.frozen
class Box(Generic[T]):
    item: T


CAT = {"kind": "cat", "lives": 9, "friends": []}
DOG = {"name": "a", "kind": "dog", "tags": []}


def read(kind: Any, raw: Any, *, lenient: bool = False) -> Any:
    """Return the value, or the errors: codes by path."""
    errors = ValidationErrors()
    value = Validator(kind).read(raw, "body", errors, lenient)
    return {e["path"]: e["code"] for e in errors.entries} if errors.entries else value


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (Cat | Dog, {"kind": "cat"}, Cat("cat")),
        (Cat | Dog, {"kind": "puppy", "name": "a"}, Dog("a", "puppy")),
        (Cat | Dog, {"name": "a", "kind": "dog"}, Dog("a")),
        (Cat | Dog | None, None, None),
        (Cat | Dog | None | int, 5, 5),
        (Cat | Dog | list[Dog], [{"kind": "dog", "name": "a"}], [Dog("a")]),
        (list[Cat | Dog], [{"kind": "cat"}, {"kind": "dog", "name": "a"}], [Cat("cat"), Dog("a")]),
        (dict[str, Cat | Dog], {"a": {"kind": "cat", "lives": 3}}, {"a": Cat("cat", 3)}),
        (tuple[int, Cat | Dog], [1, {"kind": "cat"}], (1, Cat("cat"))),
        (Owner, {"pet": None}, Owner(None)),
        (Owner, {"pet": {"kind": "cat"}, "count": 2}, Owner(Cat("cat"), 2)),
        (Owner, {"pet": None, "others": {"a": 1}}, Owner(None, 1, {"a": 1})),
        (Box[Cat | Dog], {"item": {"kind": "cat"}}, Box(Cat("cat"))),
        (
            Cat | Dog,
            {
                "kind": "cat",
                "friends": [{"kind": "cat", "friends": [{"kind": "dog", "name": "b"}]}],
            },
            Cat("cat", 9, [Cat("cat", 9, [Dog("b")])]),
        ),
        (One | Two, {"version": 1}, One(1)),
        (One | Two, {"version": 3}, Two(3)),
        (Tame | Wild, {"wild": True, "teeth": "4"}, Wild(True, 4)),
        (Tame | Wild, {"wild": False}, Tame(False)),
    ],
)
def test_union_tag_chooses_class(kind: Any, raw: Any, value: Any) -> None:
    assert read(kind, raw) == value


@pytest.mark.parametrize(
    ("kind", "raw", "errors"),
    [
        (Cat | Dog, {}, {"body.kind": "missing"}),
        (Cat | Dog, {"name": "a"}, {"body.kind": "missing"}),
        (Cat | Dog, {"kind": "cow"}, {"body.kind": "choice"}),
        (Cat | Dog, {"kind": None}, {"body.kind": "choice"}),
        (Cat | Dog, {"kind": ["cat"]}, {"body.kind": "choice"}),
        (Cat | Dog, None, {"body": "type"}),
        (Cat | Dog, "cat", {"body": "type"}),
        (
            Cat | Dog,
            {"kind": "cat", "lives": 10, "name": "a"},
            {"body.lives": "too_large", "body.name": "unknown_field"},
        ),
        (Cat | Dog, {"kind": "dog"}, {"body.name": "missing"}),
        (
            Cat | Dog,
            {"kind": "cat", "friends": [{"kind": "dog"}, {"kind": "cow"}]},
            {"body.friends[0].name": "missing", "body.friends[1].kind": "choice"},
        ),
        (list[Cat | Dog], [{"kind": "cat"}, {}], {"body[1].kind": "missing"}),
        (
            Owner,
            {"pet": {"kind": "cow"}, "count": "x", "others": {"a": {"kind": "dog", "name": 1}}},
            {"body.pet.kind": "choice", "body.count": "type", "body.others.a.name": "type"},
        ),
        (One | Two, {"version": True}, {"body.version": "choice"}),
        (One | Two, {"version": 1.0}, {"body.version": "choice"}),
        (One | Two, {"version": "1"}, {"body.version": "choice"}),
        (One | Two, {"version": 1, "kind": "y"}, {"body.kind": "choice"}),
        (Tame | Wild, {"wild": 1}, {"body.wild": "choice"}),
    ],
)
def test_union_input_invalid_reports_chosen_class(
    kind: Any, raw: Any, errors: dict[str, str]
) -> None:
    assert read(kind, raw) == errors


def test_union_tag_unknown_lists_allowed_values() -> None:
    errors = ValidationErrors()
    Validator(Cat | Dog).read({"kind": "cow"}, "body", errors)
    (error,) = errors.entries
    assert error["params"] == {"choices": ["cat", "dog", "puppy"]}
    assert error["message"] == "expected one of 'cat', 'dog', 'puppy'"


def test_union_of_form_reads_tag_from_text() -> None:
    assert read(One | Two, {"version": "3"}, lenient=True) == Two(3)
    assert read(Cat | Dog, {"kind": "cat", "lives": "3"}, lenient=True) == Cat("cat", 3)
    assert read(One | Two, {"version": "4"}, lenient=True) == {"body.version": "choice"}


def test_union_tag_several_fields_uses_first_of_first_class() -> None:
    assert union_tag(One | Two) == UnionTag("version", ((1, One), (2, Two), (3, Two)))
    assert union_tag(Two | None | One) == UnionTag("version", ((2, Two), (3, Two), (1, One)))


def test_union_tag_of_type_is_found_in_optional_and_annotated_only() -> None:
    tag = UnionTag("kind", (("cat", Cat), ("dog", Dog), ("puppy", Dog)))
    assert union_tag(Cat | Dog) == union_tag(Annotated[Cat | Dog | None, "x"]) == tag
    assert union_tag(Cat) is union_tag(int | None) is union_tag(list[Cat | Dog]) is None


# --- at boot


@attrs.define
class NoTag:
    name: str


@attrs.define
class SameTag:
    kind: Literal["cat", "lion"]


@attrs.define
class AnyTag:
    kind: str


@attrs.define
class MaybeTag:
    kind: Literal["maybe", None]


@attrs.define
class FixedTag:
    kind: Literal["fixed"] = attrs.field(default="fixed", init=False)


class Stored(TypedDict):
    kind: str


class Struct(msgspec.Struct):
    kind: Literal["struct"]


def controller(takes: Any, returns: Any = None) -> type:
    async def action(self: Any, x: Any) -> Any: ...

    action.__annotations__ = {"x": takes, "return": returns}
    return type("Things", (), {"action": http("POST", "/", "thing")(action)})


@pytest.mark.parametrize("other", [NoTag, SameTag, AnyTag, MaybeTag, FixedTag])
@pytest.mark.parametrize("nested", [False, True])
async def test_union_without_tag_is_rejected_at_boot(
    client_of: ClientOf, other: Any, nested: bool
) -> None:
    kind = list[Cat | other] if nested else Cat | other
    client = client_of(controller(kind))
    with pytest.raises(ConfigurationError) as error:
        await client.application.boot()
    assert (
        f"the classes Cat | {other.__name__} cannot be distinguished; add a field with the "
        f'same name and different values to each, as in kind: Literal["cat"]'
    ) in str(error.value)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Cat | Dog | dict[str, int], r"dict\[str, int\] in a union with several classes"),
        (Cat | Dog | Stored, "Stored.* in a union with several classes"),
        (Cat | Dog | Struct, "Struct.* in a union with several classes"),
        (Cat | Dog | datetime | UUID, "more than one str-like type"),
        (Cat | Dog | list[int] | tuple[int, ...], "more than one array-like"),
        (Cat | Dog | list[Annotated[str, msgspec.Meta(ge=1)]], "Can only set `ge`"),
        (list[Cat | Dog | dict[int, str]], "in a union with several classes"),
    ],
)
async def test_union_of_classes_and_unreadable_type_is_rejected_at_boot(
    client_of: ClientOf, kind: Any, reason: str
) -> None:
    client = client_of(controller(kind))
    with pytest.raises(ConfigurationError, match=reason):
        await client.application.boot()


async def test_union_returned_without_tag_in_list_is_rejected_at_boot(client_of: ClientOf) -> None:
    client = client_of(controller(int, list[Cat | NoTag]))
    with pytest.raises(ConfigurationError, match="cannot be distinguished; add a field"):
        await client.application.boot()


# --- responses


@attrs.frozen
class Kitten(Cat):
    password: str = "s3cret"


class Row:
    """An object of an ORM."""

    def __init__(self, **values: Any) -> None:
        self.__dict__ = values


def sent(kind: Any, value: Any) -> Any:
    shape = shape_of(kind, "Pets.show")
    assert shape is not None
    return msgspec.json.decode(encode_json(shape(value)))


@pytest.mark.parametrize(
    ("kind", "value", "content"),
    [
        (Cat | Dog, Cat("cat"), CAT),
        (Cat | Dog, Dog("a"), DOG),
        (Cat | Dog | None, None, None),
        (Cat | Dog, Kitten("cat"), CAT),
        (Cat | Dog, {"kind": "cat", "password": 1}, CAT),
        (Cat | Dog, Row(kind="dog", name="a", password=1), DOG),
        (list[Cat | Dog], [Kitten("cat"), Dog("a")], [CAT, DOG]),
        (list[Cat | Dog], iter([Dog("a")]), [DOG]),
        (dict[str, Cat | Dog], {"x": Dog("a")}, {"x": DOG}),
        (tuple[int, Cat | Dog], (1, Dog("a")), [1, DOG]),
        (Owner, Owner(Kitten("cat"), 3), {"pet": CAT, "count": 3, "others": {}}),
        (Owner, {"pet": Dog("a"), "x": 1}, {"pet": DOG, "count": 1, "others": {}}),
        (
            Cat | Dog,
            Cat("cat", 1, [Kitten("cat")]),
            {"kind": "cat", "lives": 1, "friends": [CAT]},
        ),
        (Owner, Owner(None, 1, {"a": 5, "b": Dog("a")}), None),
    ],
)
def test_union_returned_sends_declared_fields(kind: Any, value: Any, content: Any) -> None:
    expected = content or msgspec.json.decode(encode_json(value))
    assert sent(kind, value) == expected


def test_union_returned_instance_is_unchanged() -> None:
    shape = shape_of(Owner, "Pets.show")
    assert shape is not None
    owner = Owner(Cat("cat"), 2, {"a": Dog("b")})
    assert shape(owner) is owner


@pytest.mark.parametrize(
    ("kind", "value", "place"),
    [
        (Cat | Dog, {"kind": "cow"}, "Expected `object`"),
        (Cat | Dog, 5, "got `int`"),
        (list[Cat | Dog], [{"kind": "cat", "lives": "x"}], r"at `\$\[0\].lives`"),
        (Owner, {"pet": None, "count": "x"}, r"Expected `int`, got `str` - at `\$.count`"),
        (Owner, {"count": 1}, "missing required field `pet`"),
        (Owner, [], "Expected `object`, got `array`"),
        (dict[str, Cat | Dog], [], "Expected `object`, got `array`"),
        (tuple[int, Cat | Dog], [1], "of length 2"),
        (list[Cat | Dog], 5, "Expected `array`, got `int`"),
    ],
)
def test_union_returned_value_that_does_not_fit_is_an_error(
    kind: Any, value: Any, place: str
) -> None:
    with pytest.raises(RxKernelError, match=place):
        sent(kind, value)


# --- in an application


class Pets:
    @http("POST", "/pets", "pet_add")
    @websocket("pet_add")
    async def add(self, pet: Cat | Dog) -> Cat | Dog:
        return pet

    @http("PUT", "/owner", "owner_set")
    @websocket("owner_set")
    async def set(self, owner: Owner) -> Response:
        return Response(owner)

    @http("PUT", "/two", "two")
    @websocket("two")
    async def two(self, first: Cat | Dog, second: Cat | Dog | None = None) -> str:
        return f"{type(first).__name__} {type(second).__name__}"


async def test_union_body_is_read_on_both_transports(client_of: ClientOf) -> None:
    client = client_of(Pets)
    for call in (client.http, client.websocket):
        response = await call("pet_add", body={"kind": "dog", "name": "a"})
        assert (response.status_code, response.content) == (200, Dog("a"))
        response = await call("pet_add", body={"kind": "cow"})
        assert response.status_code == 422
        assert response.content["errors"][0]["path"] == "body.kind"
        response = await call("owner_set", body={"pet": {"kind": "cat"}})
        assert response.content == Owner(Cat("cat"))
        response = await call("two", body={"first": {"kind": "cat"}})
        assert response.content == "Cat NoneType"


async def test_union_form_reads_all_values_of_lists(client_of: ClientOf) -> None:
    client = client_of(Pets)
    form = {"kind": "dog", "name": "a", "tags": ["x", "y"]}
    response = await client.http("pet_add", form=form)
    assert response.content == Dog("a", "dog", ["x", "y"])
    response = await client.http("pet_add", form={"kind": "cat", "lives": ""})
    assert response.content == Cat("cat")
