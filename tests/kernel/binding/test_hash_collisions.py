"""Many set items or mapping keys with equal hashes are rejected, as their cost is quadratic.

The hash of a number is its value modulo ``sys.hash_info.modulus`` (Python, "Hashing of numeric
types"). The hash of a tuple or a frozen class is computed from the hashes of its parts. No secret
is used, so a client can choose values with equal hashes.
"""

import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import attrs
import msgspec
import pytest

from rxkernel import (
    Application,
    Query,
    Scalar,
    UnprocessableEntityException,
    Validator,
    both,
    http,
    validated_by,
)
from rxkernel.kernel.binding.hash_collisions import MAX_EQUAL_HASHES, has_collisions
from rxkernel.pytest_plugin import ClientOf
from rxkernel.routing.scalars import Scalars

MODULUS = sys.hash_info.modulus
COUNT = 1000
NUMBERS = [n * MODULUS for n in range(1, COUNT + 1)]
ITEMS = "has too many items with the same hash"
KEYS = "has too many keys with the same hash"


class Pair(NamedTuple):
    name: str
    number: int


@attrs.frozen
class Id:
    number: int


class FrozenId(msgspec.Struct, frozen=True):
    number: int


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@attrs.frozen
class Group:
    name: str
    ids: set[int]


class GroupStruct(msgspec.Struct):
    ids: frozenset[int] | None = None


class Counting:
    """A value whose comparisons with others are counted."""

    comparisons = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return self.number % MODULUS

    def __eq__(self, other: object) -> bool:
        Counting.comparisons += 1
        return isinstance(other, Counting) and self.number == other.number


def scalars_of(*given: Scalar) -> Scalars:
    scalars = Scalars()
    for each in given:
        scalars.add(each, "test")
    return scalars


SCALARS = scalars_of(
    Scalar(Counting, decode=Counting, encode=lambda each: each.number, wire=int),
    Scalar(Fraction, decode=Fraction, encode=str),
    Scalar(IPv6Address, decode=IPv6Address, encode=str),
)


def name_of(value: Any) -> str | None:
    """The name for the id of a test, the same in every process; pytest numbers the others."""
    return getattr(value, "__name__", None)


def errors_of(type_: Any, raw: Any, *, lenient: bool = False) -> list[tuple[str, str, str]]:
    """The path, code and message of each error."""
    try:
        Validator(type_, scalars=SCALARS).validate(raw, lenient=lenient)
    except UnprocessableEntityException as exc:
        return [(each["path"], each["code"], each["message"]) for each in exc.errors]
    return []


def objects(numbers: list[int]) -> list[Any]:
    return [{"number": number} for number in numbers]


def uuids(numbers: list[int]) -> list[Any]:
    return [str(UUID(int=number)) for number in numbers]


def addresses(numbers: list[int]) -> list[Any]:
    return [str(IPv6Address(number)) for number in numbers]


def texts(numbers: list[int]) -> list[Any]:
    return list(map(str, numbers))


def halves(numbers: list[int]) -> list[Any]:
    return [f"{number}/2" for number in numbers]


def singles(numbers: list[int]) -> list[Any]:
    return [[number] for number in numbers]


def named(numbers: list[int]) -> list[Any]:
    return [["a", number] for number in numbers]


def doubled(number: int) -> int:
    return number * 2


@pytest.mark.parametrize(
    ("item", "items_of"),
    [
        (int, list),
        (int | float, list),
        (int | str, list),
        (int | None, list),
        (Any, list),
        (Decimal, texts),
        (UUID, uuids),
        (Fraction, halves),
        (IPv6Address, addresses),
        (Counting, list),
        (Counting | str, list),
        (tuple[int], singles),
        (tuple[int, ...], singles),
        (tuple[str, int], named),
        (tuple[tuple[int, ...], ...], lambda numbers: [[each] for each in singles(numbers)]),
        (frozenset[int], singles),
        (Pair, named),
        (Id, objects),
        (FrozenId, objects),
        (Id | int, objects),
        (Annotated[int, msgspec.Meta(gt=0)], list),
        (Annotated[int, validated_by(doubled)], list),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("container", [set, frozenset])
def test_set_of_values_with_equal_hashes_is_an_error(
    item: Any, items_of: Callable[[list[int]], list[Any]], container: Any
) -> None:
    enough, items = items_of(NUMBERS[:MAX_EQUAL_HASHES]), items_of(NUMBERS)

    assert errors_of(container[item], enough) == []
    assert errors_of(container[item], items) == [("body", "too_many_collisions", ITEMS)]


@pytest.mark.parametrize(
    ("key", "keys_of"),
    [
        (int, texts),
        (int | float, texts),
        (Decimal, texts),
        (UUID, uuids),
        (Fraction, halves),
        (IPv6Address, addresses),
        (Counting, texts),
        (Annotated[int, validated_by(doubled)], texts),
    ],
    ids=name_of,
)
def test_mapping_of_keys_with_equal_hashes_is_an_error(
    key: Any, keys_of: Callable[[list[int]], list[Any]]
) -> None:
    enough = dict.fromkeys(keys_of(NUMBERS[:MAX_EQUAL_HASHES]), 1)
    raw = dict.fromkeys(keys_of(NUMBERS), 1)

    assert errors_of(dict[key, int], enough) == []
    assert errors_of(dict[key, int], raw) == [("body", "too_many_collisions", KEYS)]


@pytest.mark.parametrize(
    ("type_", "raw", "path"),
    [
        (list[set[int]], [[1], NUMBERS], "body[1]"),
        (dict[str, set[int]], {"a": NUMBERS}, "body.a"),
        (tuple[str, set[int]], ["a", NUMBERS], "body[1]"),
        (Group, {"name": "a", "ids": NUMBERS}, "body.ids"),
        (list[Group], [{"name": "a", "ids": NUMBERS}], "body[0].ids"),
        (GroupStruct, {"ids": NUMBERS}, "body.ids"),
        (set[int] | None, NUMBERS, "body"),
        (set[int] | str, NUMBERS, "body"),
        (Annotated[set[int], validated_by(len)], NUMBERS, "body"),
    ],
    ids=name_of,
)
def test_set_in_other_types_is_checked_at_its_path(type_: Any, raw: Any, path: str) -> None:
    assert errors_of(type_, raw) == [(path, "too_many_collisions", ITEMS)]


@pytest.mark.parametrize(
    "type_", [set[int], set[Id], Group, list[Group], set[int] | None], ids=name_of
)
def test_msgspec_never_builds_a_set_of_numbers(
    type_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """msgspec would compare the items with each other before they can be checked."""
    validator = Validator(type_)
    convert, built = msgspec.convert, []

    def recorded(raw: Any, type_: Any, **options: Any) -> Any:
        value = convert(raw, type_, **options)
        built.append(type(value))
        return value

    monkeypatch.setattr("msgspec.convert", recorded)
    group = {"name": "a", "ids": NUMBERS}
    raws = {set[Id]: objects(NUMBERS), Group: group, list[Group]: [group]}
    with pytest.raises(UnprocessableEntityException):
        validator.validate(raws.get(type_, NUMBERS))

    assert built
    assert not {set, frozenset, Group}.intersection(built)


@pytest.mark.parametrize("count", [MAX_EQUAL_HASHES, 1000, 4000])
@pytest.mark.parametrize("type_", [set[Counting], dict[Counting, int]], ids=name_of)
def test_comparisons_grow_with_the_number_of_values(type_: Any, count: int) -> None:
    numbers = [n * MODULUS for n in range(count)]
    Counting.comparisons = 0

    raw = numbers if type_ == set[Counting] else dict.fromkeys(texts(numbers), 1)
    assert bool(errors_of(type_, raw)) is (count > MAX_EQUAL_HASHES)

    assert Counting.comparisons <= MAX_EQUAL_HASHES * MAX_EQUAL_HASHES


def test_comparisons_of_many_groups_of_equal_hashes_are_bounded() -> None:
    """Each group is as large as allowed."""
    groups = 100
    numbers = [n * MODULUS + g for n in range(MAX_EQUAL_HASHES) for g in range(groups)]
    Counting.comparisons = 0

    assert errors_of(set[Counting], numbers) == []

    assert Counting.comparisons <= 2 * MAX_EQUAL_HASHES * len(numbers)


@pytest.mark.parametrize("numbers", [[7] * COUNT, [*range(COUNT)] * 2, [0, MODULUS] * COUNT])
def test_set_of_equal_items_is_valid(numbers: list[int]) -> None:
    assert Validator(set[int]).validate(numbers) == set(numbers)


@pytest.mark.parametrize("type_", [set[int], set[Annotated[int, msgspec.Meta(gt=0)]]], ids=name_of)
def test_errors_of_items_are_reported_before_collisions(type_: Any) -> None:
    assert errors_of(type_, [*NUMBERS, "x"]) == [
        (f"body[{COUNT}]", "type", "expected int, got str")
    ]


def test_item_without_hash_among_many_is_reported() -> None:
    numbers: list[Any] = [*range(COUNT), []]

    assert errors_of(set[Any], numbers) == [
        (f"body[{COUNT}]", "invalid", "cannot be an item of a set")
    ]


def test_exception_of_a_comparison_is_raised() -> None:
    class Broken:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            raise TypeError("broken")

    scalars = scalars_of(Scalar(Broken, decode=lambda _: Broken(), encode=str, wire=int))

    with pytest.raises(TypeError, match="broken"):
        Validator(set[Broken], scalars=scalars).validate([1, 2])


@pytest.mark.parametrize(
    "item",
    [str, bool, date, Colour, Level, Literal[1, 2], str | None, tuple[str, ...], Literal["a"]],
    ids=name_of,
)
def test_set_of_strings_or_few_possible_values_is_converted_by_msgspec(item: Any) -> None:
    """Clients cannot predict hashes of str (PYTHONHASHSEED), so no check in Python is needed."""
    assert not Validator(set[item]).schema.needs_python
    assert not Validator(dict[str, item]).schema.needs_python


def test_has_collisions_counts_different_values() -> None:
    assert not has_collisions([])
    assert not has_collisions(NUMBERS[:MAX_EQUAL_HASHES])
    assert has_collisions(NUMBERS[: MAX_EQUAL_HASHES + 1])
    assert not has_collisions(NUMBERS[:MAX_EQUAL_HASHES] * 3)
    assert has_collisions([*range(COUNT), *NUMBERS[: MAX_EQUAL_HASHES + 1]])


class Numbers:
    @both("POST", "/body", "body")
    async def body(self, group: GroupStruct) -> int:
        return len(group.ids or ())

    @http("GET", "/query", "query")
    async def query(self, ids: Annotated[frozenset[int], Query()]) -> int:
        return len(ids)

    @http("POST", "/form", "form")
    async def form(self, group: GroupStruct) -> int:
        return len(group.ids or ())


async def test_set_with_equal_hashes_in_body_of_both_transports_is_422(
    client_of: ClientOf,
) -> None:
    client = client_of(Numbers)
    error = {"path": "body.ids", "code": "too_many_collisions", "message": ITEMS}

    for ask in (client.http, client.websocket):
        response = await ask("body", body={"ids": NUMBERS})
        assert (response.status_code, response.content["errors"]) == (422, [error])
        assert (await ask("body", body={"ids": list(range(COUNT))})).content == COUNT


async def test_set_with_equal_hashes_in_query_or_form_is_422(client_of: ClientOf) -> None:
    client = client_of(Application(controllers=[Numbers]))
    pairs = {"ids": texts(NUMBERS)}

    query = await client.http("query", params=pairs)
    form = await client.http("form", form=pairs)

    assert query.content["errors"] == [
        {"path": "params.ids", "code": "too_many_collisions", "message": ITEMS}
    ]
    assert form.content["errors"] == [
        {"path": "body.ids", "code": "too_many_collisions", "message": ITEMS}
    ]
