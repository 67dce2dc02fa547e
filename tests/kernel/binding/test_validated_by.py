"""`validated_by`: rules for parts of a type, and `Validator` outside of a request."""

from collections.abc import Callable
from typing import Annotated, Any, NotRequired, TypedDict

import attrs
import pytest
from msgspec import Meta

from rxkernel import (
    Application,
    ConfigurationError,
    Converter,
    KernelClient,
    Request,
    UnprocessableEntityException,
    UploadedFile,
    ValidationError,
    Validator,
    both,
    http,
    validated_by,
)
from rxkernel.pytest_plugin import ClientOf
from tests.parameter_ids import id_of


class Year:
    def __init__(self, number: int) -> None:
        self.number = number


def one_word(text: str) -> str:
    if " " in text:
        raise ValidationError("must be one word", code="word", params={"limit": 1})
    return text.lower()


def ordered(span: "Span") -> "Span":
    if span["end"] < span["start"]:
        raise ValidationError("must not be before the start", path=".end")
    return span


def two_errors(value: Any) -> Any:
    raise ExceptionGroup("rules", [ValidationError("first"), ValueError(f"second {value}")])


def bug(value: Any) -> Any:
    raise KeyError(value)


class Span(TypedDict):
    start: int
    end: int
    note: NotRequired[str]


Word = Annotated[str, validated_by(one_word)]


def errors_of(type_: Any, value: Any, **options: Any) -> Any:
    with pytest.raises(UnprocessableEntityException) as raised:
        Validator(type_).validate(value, **options)
    return raised.value.errors


def test_rule_valid_value_is_replaced() -> None:
    assert Validator(Word).validate("Tea") == "tea"


@pytest.mark.parametrize(
    ("type_", "value", "valid"),
    [
        (Word | None, "Tea", "tea"),
        (Word | None, None, None),
        (Annotated[str | None, validated_by(one_word)], None, None),
        (list[Word], ["Tea", "MILK"], ["tea", "milk"]),
        (dict[str, Word], {"A": "Tea"}, {"A": "tea"}),
        (tuple[Word, int], ["Tea", 1], ("tea", 1)),
        (Annotated[int | str, validated_by(str)], 7, "7"),
        (Annotated[str, validated_by(str.strip), validated_by(one_word)], " Tea ", "tea"),
    ],
    ids=id_of,
)
def test_rule_at_any_depth_is_called(type_: Any, value: Any, valid: Any) -> None:
    assert Validator(type_).validate(value) == valid


def test_rule_error_has_code_params_and_path() -> None:
    assert errors_of(dict[str, list[Word]], {"a": ["x", "y z"]}) == [
        {
            "path": "body.a[1]",
            "code": "word",
            "message": "must be one word",
            "params": {"limit": 1},
        }
    ]


def test_rule_path_of_error_is_below_the_value() -> None:
    type_ = list[Annotated[Span, validated_by(ordered)]]
    [entry] = errors_of(type_, [{"start": 1, "end": 2}, {"start": 3, "end": 2}], path="params")
    assert entry["path"] == "params[1].end"


def test_rule_is_not_called_for_a_value_of_another_type() -> None:
    type_ = Annotated[Span, validated_by(ordered)]
    found = errors_of(type_, {"start": "1", "stop": 2})
    assert [(e["path"], e["code"]) for e in found] == [  # in the order of the fields
        ("body.start", "type"),
        ("body.end", "missing"),
        ("body.stop", "unknown_field"),
    ]


def test_rule_group_of_errors_adds_each() -> None:
    """The text of an exception that is not a ValidationError may quote the value."""
    found = errors_of(Annotated[int, validated_by(two_errors)], 7)
    assert [entry["message"] for entry in found] == ["first", "is not valid"]


def test_rule_that_raises_another_exception_raises_it() -> None:
    with pytest.raises(KeyError):
        Validator(Annotated[str, validated_by(bug)]).validate("a")


def test_rule_with_constraints_is_called_after_them() -> None:
    type_ = Annotated[str, Meta(max_length=3), validated_by(one_word)]
    assert Validator(type_).validate("Tea") == "tea"
    assert [entry["code"] for entry in errors_of(type_, "a b c")] == ["too_long"]


def test_rule_on_one_alternative_of_a_union_is_an_error() -> None:
    with pytest.raises(TypeError, match="put it on the whole union"):
        Validator(int | Word)


def test_validator_lenient_converts_texts() -> None:
    assert Validator(Annotated[int, validated_by(abs)]).validate("-7", lenient=True) == 7
    [entry] = errors_of(Annotated[int, validated_by(abs)], "x", path="params.n", lenient=True)
    assert entry["path"] == "params.n"


@attrs.frozen
class Drink:
    name: Word
    size: Annotated[int, validated_by(lambda size: size * 10)] = 1


class Drinks:
    @both("POST", "/drinks/{kind}", "drink")
    async def add(self, kind: Word, drink: Drink) -> list[Any]:
        return [kind, drink.name, drink.size]


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_rule_of_parameter_and_body_runs_on_both_transports(
    client_of: ClientOf, transport: str
) -> None:
    client = client_of(Drinks)
    send: Callable[..., Any] = getattr(client, transport)
    response = await send("drink", params={"kind": "Hot"}, body={"name": "TEA", "size": 2})
    assert response.content == ["hot", "tea", 20]
    response = await send("drink", params={"kind": "very hot"}, body={"name": "green tea"})
    assert response.status_code == 422
    assert [e["path"] for e in response.content["errors"]] == ["params.kind", "body.name"]


class Misplaced:
    @both("POST", "/misplaced", "misplaced")
    async def add(self, word: int | Word) -> None: ...


async def test_rule_on_one_alternative_of_an_action_is_a_configuration_error(
    client_of: ClientOf,
) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot bind parameter 'word'.*whole union"):
        await client_of(Misplaced).http("misplaced")


def is_small(file: UploadedFile) -> UploadedFile:
    if len(file.content) > 3:
        raise ValidationError("is too large", code="size")
    return file


def only_one(files: list[UploadedFile]) -> list[UploadedFile]:
    if len(files) > 1:
        raise ValidationError("is one too many", path="[1]")
    return files


Small = Annotated[UploadedFile, validated_by(is_small)]


class Uploads:
    @http("POST", "/one", "one")
    async def one(self, file: Small, other: Small | None = None) -> int:
        return len(file.content) + (0 if other is None else len(other.content))

    @http("POST", "/many", "many")
    async def many(self, files: Annotated[list[UploadedFile], validated_by(only_one)]) -> int:
        return len(files)


async def test_rule_of_an_upload_is_called(client_of: ClientOf) -> None:
    client = client_of(Uploads)
    small, large = (
        UploadedFile("a", b"abc", "text/plain"),
        UploadedFile("b", b"abcd", "text/plain"),
    )
    assert (await client.http("one", files={"file": small})).content == 3
    response = await client.http("one", files={"file": small, "other": large})
    assert [(e["path"], e["code"]) for e in response.content["errors"]] == [
        ("files.other", "size")
    ]
    response = await client.http("many", files={"files": [small, large]})
    assert [e["path"] for e in response.content["errors"]] == ["files.files[1]"]


class Years:
    @http("GET", "/year/{year:year}", "year")
    async def year(self, year: Annotated[Year, validated_by(lambda y: Year(y.number + 1))]) -> int:
        return year.number


async def test_rule_of_a_converted_path_value_is_called() -> None:
    converters = {"year": Converter(r"[0-9]{4}", lambda text: Year(int(text)))}
    async with KernelClient(Application(controllers=[Years], converters=converters)) as client:
        assert (await client.http("year", params={"year": "2020"})).content == 2021


class Unread:
    @both("POST", "/unread", "unread")
    async def add(self, request: Annotated[Request, validated_by(bug)]) -> None: ...


async def test_rule_of_a_value_that_no_client_sends_is_an_error(client_of: ClientOf) -> None:
    with pytest.raises(ConfigurationError, match="applies to values of the client only"):
        await client_of(Unread).http("unread")
