"""`parameters`, `validate` and `returns` of a contract, over every transport."""

import asyncio
from typing import Annotated, Any, ClassVar

import attrs
import pytest
from rxkernel_lines import LINES

from bundles.contracts import (
    Arguments,
    ContractsBundle,
    DomainError,
    compile_schema,
    contract,
)
from rxkernel import (
    Application,
    ConfigurationError,
    ForbiddenException,
    KernelClient,
    NotFoundException,
    RedirectResponse,
    Request,
    Response,
    Scalar,
    Settings,
    UnprocessableEntityException,
    ValidationError,
    both,
    http,
    procedure,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.contracts.callers import WAYS, calling

every_way = pytest.mark.parametrize("way", WAYS)


@attrs.frozen
class Sum:
    sum: float


class Math:
    def __init__(self) -> None:
        self.log: list[Any] = []

    @procedure("add", LINES)
    @both("POST", "/add", "add")
    @contract(parameters={"a": "number", "b": "number"}, returns={"sum": "number"})
    async def add(self, arguments: Annotated[dict[str, Any], Arguments()]) -> Any:
        self.log.append(arguments)
        if arguments["a"] == 404:
            return DomainError(404)
        return {"sum": "a text" if arguments["a"] == 13 else arguments["a"] + arguments["b"]}


@every_way
async def test_arguments_that_fit_reach_the_action(way: str) -> None:
    async with calling(way, Math()) as caller:
        assert (await caller.call("add", {"a": 1, "b": 2.5})).content == {"sum": 3.5}


async def errors_of(way: str, body: Any) -> list[tuple[str, str, str]]:
    """The errors of `Math.add` for *body*; the action is not called."""
    math = Math()
    async with calling(way, math) as caller:
        result = await caller.call("add", body)
    assert (result.status, math.log) == (422, [])
    return [(e["path"], e["code"], e["message"]) for e in result.content["errors"]]


# T14
@every_way
async def test_argument_of_a_wrong_type_responds_422(way: str) -> None:
    text = 'Field "b" not of expected type: number'
    assert await errors_of(way, {"a": 1, "b": "2"}) == [("body.b", "type", text)]


# T15
@every_way
async def test_all_missing_fields_are_named(way: str) -> None:
    assert await errors_of(way, {}) == [
        ("body.a", "missing", 'Field "a" is required'),
        ("body.b", "missing", 'Field "b" is required'),
    ]


# T16
@every_way
async def test_extra_field_is_not_expected(way: str) -> None:
    text = 'Field "c" is not expected'
    assert await errors_of(way, {"a": 1, "b": 2, "c": 3}) == [("body.c", "unknown_field", text)]


# T17
@every_way
async def test_null_arguments_respond_422(way: str) -> None:
    async with calling(way, Math()) as caller:
        assert (await caller.call("add", None)).status == 422


# T24
@every_way
async def test_invalid_result_responds_500_without_details(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with calling(way, Math()) as caller:
        result = await caller.call("add", {"a": 13, "b": 0})
        again = await caller.call("add", {"a": 1, "b": 0})

    assert result.status == 500
    assert "sum" not in str(result.content)
    assert 'Field "sum" not of expected type: number' in caplog.text
    assert again.content == {"sum": 1}


@every_way
async def test_returned_domain_error_is_not_checked_as_a_result(way: str) -> None:
    async with calling(way, Math()) as caller:
        assert (await caller.call("add", {"a": 404, "b": 0})).status == 404


def _sync(arguments: dict[str, Any]) -> Any:
    return _check(arguments)


async def _async(arguments: dict[str, Any]) -> Any:
    await asyncio.sleep(0)
    return _check(arguments)


VERDICTS = {
    "true": True,
    "no errors": [],
    "false": False,
    "text": "is too late",
    "texts": ("is too late", "is too short"),
    "number": 0,
    "mixed": ["is too late", 1],
}


def _check(arguments: dict[str, Any]) -> Any:
    match arguments.get("kind"):
        case "rule":
            raise ValidationError("must be later", code="order", path=".end")
        case "forbidden":
            raise ForbiddenException("not yours")
        case "value":
            raise ValueError("a secret")
        case "bug":
            raise KeyError("a secret")
        case kind:
            return VERDICTS.get(kind or "")


class Validated:
    def __init__(self) -> None:
        self.log: list[str] = []

    @procedure("sync", LINES)
    @both("POST", "/sync", "sync")
    @contract(validate=_sync)
    async def sync(self, request: Request) -> str:
        self.log.append("ran")
        return "ok"

    @procedure("async", LINES)
    @both("POST", "/async", "async")
    @contract(validate=_async, timeout=60)
    async def asynchronous(self) -> str:
        self.log.append("ran")
        return "ok"


# T30
@every_way
@pytest.mark.parametrize("name", ["sync", "async"])
async def test_validate_that_raises_keeps_action_from_running(way: str, name: str) -> None:
    validated = Validated()
    async with calling(way, validated) as caller:
        rule = await caller.call(name, {"kind": "rule"})
        kinds = ("forbidden", "value", "bug")
        others = [await caller.call(name, {"kind": kind}) for kind in kinds]
        assert validated.log == []
        assert (await caller.call(name, {"kind": "fine"})).content == "ok"

    assert rule.status == 422
    assert rule.content["errors"] == [
        {"path": "body.end", "code": "order", "message": "must be later"}
    ]
    assert [result.status for result in others] == [403, 422, 500]
    assert "secret" not in str(others)


@every_way
@pytest.mark.parametrize("name", ["sync", "async"])
async def test_validate_has_the_verdicts_of_the_validate_of_a_schema(way: str, name: str) -> None:
    validated = Validated()
    async with calling(way, validated) as caller:
        results = {kind: await caller.call(name, {"kind": kind}) for kind in VERDICTS}

    assert validated.log == ["ran", "ran"]
    schema = compile_schema({"kind": "string", "validate": _check})
    for kind, result in results.items():
        try:
            schema.validate({"kind": kind})
        except UnprocessableEntityException as exc:
            texts = [entry["message"] for entry in exc.errors]
            assert [f"Value {e['message']}" for e in result.content["errors"]] == texts
            assert {e["path"] for e in result.content["errors"]} == {"body"}
            assert result.status == 422
        except RuntimeError:
            assert result.status == 500
        else:
            assert result.status == 200


async def test_error_of_all_arguments_without_a_body_is_in_params(client_of: ClientOf) -> None:
    class Search:
        @http("GET", "/search", "search")
        @contract(
            parameters={"a": "?string", "b": "?string"}, validate=lambda arguments: "is empty"
        )
        async def search(self) -> None: ...

    client = client_of(Search, bundles=[ContractsBundle])

    assert (await client.http("search")).content["errors"] == [
        {"path": "params", "code": "invalid", "message": "is empty"}
    ]


class Places:
    @both("POST", "/places/{id}", "place")
    @contract(
        parameters={
            "id": "number",
            "tags": {"array": "string", "required": False},
            "name": "string",
            "size": {"type": "number", "default": 7},
        }
    )
    async def place(self, id: int, body: dict[str, Any]) -> dict[str, Any]:
        return {"id": id, **body}

    @http("GET", "/plain", "plain")
    @contract(returns={"sum": "number"})
    async def plain(self, kind: str = "object") -> Any:
        results = {
            "object": Sum(3),
            "response": Response({"sum": 3}),
            "wrong response": Response({"sum": "3"}),
            "error response": Response({"sum": "3"}, 409),
            "nothing": None,
        }
        return results[kind]


def client() -> KernelClient:
    return KernelClient(Application(bundles=[ContractsBundle], controllers=[Places]))


async def test_parameters_of_path_and_query_are_converted_and_defaults_are_set() -> None:
    async with client() as places:
        response = await places.http(
            "place", params={"id": 5, "tags": ["a", "b"]}, body={"name": "x"}
        )
        assert response.content == {"id": 5, "name": "x", "size": 7}
        response = await places.websocket(
            "place", params={"id": 5, "tags": ["a", "b"]}, body={"name": "x"}
        )
        assert response.content == {"id": 5, "name": "x", "size": 7}


async def test_parameter_wins_over_field_of_body_and_errors_name_their_place() -> None:
    """An access rule has checked the parameter, so the body must not replace it."""
    async with client() as places:
        for call in (places.http, places.websocket):
            response = await call("place", params={"id": 5}, body={"id": 6, "name": 7})
            assert [e["path"] for e in response.content["errors"]] == ["body.name"]


async def test_form_fields_are_converted() -> None:
    async with client() as places:
        response = await places.http("place", params={"id": 5}, form={"name": "x", "size": "8"})
    assert response.content == {"id": 5, "name": "x", "size": 8}


@attrs.frozen
class Page:
    size: int
    tags: list[str]


class Pages:
    defaults: ClassVar[dict[str, Any]] = {
        "size": {"type": "int", "default": 7},
        "tags": {"array": "string", "default": []},
    }

    @procedure("dict", LINES)
    @both("POST", "/dict", "dict")
    @contract(parameters=defaults)
    async def dict(self, body: dict[str, Any]) -> Any:
        return body

    @procedure("class", LINES)
    @both("POST", "/class", "class")
    @contract(parameters=defaults)
    async def class_(self, page: Page) -> Any:
        return {"size": page.size, "tags": page.tags}

    @procedure("fields", LINES)
    @both("POST", "/fields", "fields")
    @contract(parameters=defaults)
    async def fields(self, size: int, tags: list[str]) -> Any:
        return {"size": size, "tags": tags}


@every_way
@pytest.mark.parametrize("name", ["dict", "class", "fields"])
async def test_defaults_of_all_fields_are_the_body_if_none_was_sent(way: str, name: str) -> None:
    async with calling(way, Pages) as caller:
        bodies: list[Any] = [None, {}]
        for body in bodies:
            assert (await caller.call(name, body)).content == {"size": 7, "tags": []}
        assert (await caller.call(name, {"size": 8})).content == {"size": 8, "tags": []}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("object", 200),
        ("response", 200),
        ("wrong response", 500),
        ("error response", 409),
        ("nothing", 500),
    ],
)
async def test_result_is_checked_as_json(kind: str, status: int) -> None:
    async with client() as places:
        assert (await places.http("plain", params={"kind": kind})).status_code == status


class Empty:
    @http("GET", "/empty", "empty")
    @contract(returns={"sum": "number"})
    async def empty(self, kind: str) -> Any:
        return {
            "204": Response(None, 204),
            "205": Response(None, 205),
            "304": Response(None, 304),
            "redirect": RedirectResponse("/plain"),
            "200": Response(None, 200),
        }[kind]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("204", 204), ("205", 205), ("304", 304), ("redirect", 302), ("200", 500)],
)
async def test_response_without_a_result_is_not_checked(kind: str, status: int) -> None:
    async with KernelClient(Application(bundles=[ContractsBundle], controllers=[Empty])) as empty:
        response = await empty.http("empty", params={"kind": kind})
    assert response.status_code == status


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents


@pytest.mark.parametrize(("type_", "status"), [("string", 200), ("number", 500)])
@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_result_with_a_scalar_of_the_application_is_checked_as_it_is_sent(
    type_: str, status: int, transport: str
) -> None:
    class Prices:
        @both("GET", "/price", "price")
        @contract(returns={"price": type_})
        async def price(self) -> Any:
            return {"price": Money(5)}

    money = Scalar(Money, decode=lambda text: Money(int(text)), encode=lambda m: str(m.cents))
    application = Application(bundles=[ContractsBundle], controllers=[Prices], scalars=[money])
    async with KernelClient(application) as prices:
        assert (await getattr(prices, transport)("price")).status_code == status


class Undeclared:
    @both("GET", "/none", "none")
    async def none(self):  # type: ignore[no-untyped-def]
        return DomainError("gone")

    @both("GET", "/any", "any")
    async def any(self) -> Any:
        return DomainError("gone")

    @both("GET", "/caption", "caption")
    @contract(caption="")
    async def caption(self) -> Any:
        return DomainError("gone")


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("name", ["none", "any", "caption"])
async def test_returned_domain_error_without_annotation_is_raised(
    transport: str, name: str
) -> None:
    async with KernelClient(
        Application(bundles=[ContractsBundle], controllers=[Undeclared])
    ) as client:
        response = await getattr(client, transport)(name)
    assert (response.status_code, response.content["code"]) == (400, "gone")


class Mistaken:
    @both("GET", "/any", "any")
    async def any(self) -> Any:
        return ValueError("No city")

    @both("GET", "/checked", "checked")
    @contract(returns="string")
    async def checked(self) -> Any:
        return NotFoundException()


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize(("name", "kind"), [("any", "ValueError"), ("checked", "NotFoundEx")])
async def test_returned_exception_of_another_class_is_a_bug_with_a_hint(
    transport: str, name: str, kind: str
) -> None:
    """In Metarhia, ``return new Error(text)`` is an error for the client."""
    settings = Settings(debug=True)
    async with KernelClient(
        Application(bundles=[ContractsBundle], controllers=[Mistaken], settings=settings)
    ) as client:
        response = await getattr(client, transport)(name)
    text = response.content["message"]
    assert response.status_code == 500
    assert f"route {name!r} " in text
    assert f"Mistaken.{name}) returned an exception, {kind}" in text
    assert "return DomainError(code, text), or raise an exception with a status" in text


# T62
async def test_named_schema_reports_the_nested_field() -> None:
    class Persons:
        @http("POST", "/persons", "person_add")
        @contract(parameters={"person": "Person"})
        async def add(self, request: Request) -> str:
            return "added"

    bundle = ContractsBundle(
        schemas={"Person": {"name": "string", "address": "Address"}, "Address": {"city": "string"}}
    )
    application = Application(bundles=[bundle], controllers=[Persons])
    async with KernelClient(application) as persons:
        body = {"person": {"name": "Ada", "address": {}}}
        response = await persons.http("person_add", body=body)

    (error,) = response.content["errors"]
    assert error["message"] == 'Field "person.address.city" is required'
    assert error["path"] == "body.person.address.city"


async def test_arguments_without_parameters_is_a_boot_error() -> None:
    class Wrong:
        @http("POST", "/", "wrong")
        async def wrong(self, arguments: Annotated[dict[str, Any], Arguments()]) -> None: ...

    application = Application(bundles=[ContractsBundle], controllers=[Wrong])
    with pytest.raises(ConfigurationError, match=r"has Arguments\(\), but the contract has no"):
        await application.boot()
