"""Data that contain themselves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import attrs
import msgspec
import pytest

from bundles.web.extensions import cycles
from tests.bundles.web.extensions.forms import form_of


@attrs.define
class Person:
    name: str
    friends: list[Any] = attrs.field(factory=list)


@attrs.frozen
class Frozen:
    name: str
    friends: list[Any] = attrs.field(factory=list)


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    friends: list[Any] = field(default_factory=list)


class Tagged(msgspec.Struct, frozen=True, tag="person", rename="camel"):
    first_name: str
    friends: list[Any] = msgspec.field(default_factory=list)


class Pair(NamedTuple):
    name: str
    friends: list[Any]


def friend(one: Any) -> Any:
    one.friends.append(one)
    return one


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: friend(Person("a")), '{"friends":[null],"name":"a"}'),
        (lambda: friend(Frozen("a")), '{"friends":[null],"name":"a"}'),
        (lambda: friend(Record("a")), '{"name":"a","friends":[null]}'),
        (lambda: friend(Tagged("a")), '{"type":"person","firstName":"a","friends":[null]}'),
        (lambda: friend(Pair("a", [])), '["a",[null]]'),
    ],
    ids=["attrs", "attrs frozen", "dataclass", "msgspec", "named tuple"],
)
def test_json_object_that_contains_itself_has_null_there(
    make: Callable[[], Any], text: str
) -> None:
    assert form_of("json", make()) == text


def test_json_mapping_and_list_that_contain_themselves_have_null_there() -> None:
    mapping: dict[str, Any] = {"id": 1}
    mapping["self"] = mapping
    mapping["view"] = MappingProxyType(mapping)
    items: list[Any] = [mapping]
    items.append(items)

    assert form_of("json", items) == (
        '[{"id":1,"self":null,"view":{"id":1,"self":null,"view":null}},null]'
    )


def test_json_object_at_several_places_without_cycle_is_whole() -> None:
    shared = {"id": 1}
    data: list[Any] = [shared, shared]
    data.append(data)

    assert form_of("json", data) == '[{"id":1},{"id":1},null]'


def test_json_cycle_data_are_not_changed() -> None:
    person = friend(Person("a"))

    form_of("json", person)

    assert person.friends == [person]


def test_json_set_in_a_cycle_is_a_list() -> None:
    data: dict[str, Any] = {"ids": {1}, "keys": {"a": 1}.keys()}
    data["self"] = data

    assert form_of("json", data) == '{"ids":[1],"keys":["a"],"self":null}'


def test_json_many_objects_that_refer_to_each_other_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """20 objects that each refer to the 19 others have 20! paths."""
    monkeypatch.setattr(cycles, "_MAX_CONTAINERS", 1000)
    people = [Person(str(n)) for n in range(20)]
    for person in people:
        person.friends = [*people]

    with pytest.raises(ValueError, match="has more than 1000 objects"):
        form_of("json", people)


def test_json_deep_nesting_without_cycle_raises_recursion_error() -> None:
    """The kernel responds with 500 to content that it cannot encode."""
    data: list[Any] = []
    for _ in range(100_000):
        data = [data]

    for extension in ("json", "jsonp", "xml", "csv"):
        with pytest.raises(RecursionError):
            form_of(extension, data)


@pytest.mark.parametrize(
    ("extension", "text"),
    [
        ("jsonp", '/**/callback({"id":1,"self":null});'),
        ("csv", "id,self\r\n1,\r\n"),
        (
            "xml",
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<result><id>1</id><self nil="true"/></result>',
        ),
    ],
)
def test_other_forms_cut_cycles_as_json(extension: str, text: str) -> None:
    data: dict[str, Any] = {"id": 1}
    data["self"] = data

    assert form_of(extension, data) == text
