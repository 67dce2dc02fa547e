"""Contracts at boot: errors, inheritance, transports, the list of routes."""

from collections.abc import Callable
from typing import Any

import pytest
from rxkernel_lines import LINES, LinesBundle

from bundles.contracts import (
    UNSET,
    Contract,
    ContractsBundle,
    ContractsSettings,
    DomainError,
    Example,
    Queue,
    contract,
    contract_of,
)
from rxkernel import (
    Application,
    ConfigurationError,
    KernelClient,
    Request,
    Settings,
    both,
    controller,
    http,
    procedure,
)


def application(*controllers: Any, **settings: Any) -> Application:
    return Application(
        bundles=[ContractsBundle],
        controllers=controllers,
        settings=Settings(bundles={"contracts": ContractsSettings(**settings)}),
    )


def with_contract(**keys: Any) -> type:
    class One:
        @http("GET", "/one/{id}", "one")
        @contract(**keys)
        async def one(self, id: int, flag: bool = False) -> dict[str, int]:
            return {"id": id}

    return One


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"timeout": 0}, "timeout is 0; it must be seconds greater than 0, or None"),
        ({"timeout": -1.5}, "timeout is -1.5; it must be"),
        ({"timeout": float("inf")}, "timeout is inf; it must be"),
        ({"timeout": True}, "timeout is True; it must be"),
        ({"timeout": "1s"}, "timeout is '1s'; it must be"),
        ({"timeout": 10**400}, "it must be seconds greater than 0, or None"),
        ({"queue": Queue(1, timeout=10**400)}, "must be seconds, more than 0"),
        ({"errors": [{"code": [1], "message": "x"}]}, "errors has {'code': [1], 'message': 'x'}"),
        ({"example": Example(params={"id": 1}, error=[1])}, "error is [1]; it must be a word"),  # type: ignore[arg-type]
        (
            {"example": Example(params={"id": 1}, error=True), "errors": {1: "x"}},
            "error is True; it must be a word or a whole number",
        ),
        ({"validate": lambda: None}, "it must take one parameter, a dict of all arguments"),
        ({"validate": lambda a, b: None}, "it must take one parameter, a dict of all arguments"),
        (
            {"parameters": {"id": {"type": "number", "validate": lambda: True}}},
            "it must take one parameter, the value",
        ),
        (
            {"parameters": {"name": "string"}},
            "parameters has no 'id', so the parameter 'id' of the action never has a value",
        ),
        (
            {"transports": ["SOCKET"]},
            "transports is ['SOCKET'], but the action has labels only for HTTP, so it would",
        ),
        (
            {"queue": Queue(concurrency=0)},
            "concurrency of Queue(concurrency=0, size=100, timeout=5.0) must be a whole number",
        ),
        ({"queue": Queue(1, size=0)}, "size of Queue(concurrency=1, size=0, timeout=5.0) must"),
        ({"queue": Queue(1, timeout=0)}, "timeout of Queue(concurrency=1, size=100, timeout=0)"),
        ({"queue": 5}, "queue is 5; it must be a Queue(…), or None"),
        ({"validate": "rule"}, "validate is 'rule'; it must be a function that takes"),
        ({"caption": 5}, "caption is 5; it must be a text"),
        ({"deprecated": 5}, "deprecated is 5; it must be a bool, or a text"),
        ({"cancel_on_disconnect": 1}, "cancel_on_disconnect is 1; it must be a bool"),
        ({"errors": {1.5: "x"}}, "errors has the code 1.5; it must be a word or a whole number"),
        ({"errors": {"x": 1}}, "errors has 1 for the code 'x'; it must be a text"),
        ({"errors": [{"code": 1}]}, "errors has {'code': 1}; write a mapping of codes to texts"),
        ({"errors": "x"}, "errors has 'x'; write a mapping"),
        (
            {"transports": ["METACOM"]},
            "transports has the unknown transport 'METACOM'; the transports",
        ),
        ({"transports": ["http"]}, "transports is ['http']: invalid transport name 'http'"),
        ({"transports": []}, "transports is empty, so the route would not be served"),
        ({"parameters": {"id": "nmber"}}, "nmber"),
        ({"parameters": {"id": "Person"}}, "Person"),
        ({"returns": {"a": "Person"}}, "Person"),
        ({"example": {"parameters": {}}}, "cannot be read"),
        ({"examples": ["x"]}, "examples has 'x'; write Example(…)"),
        ({"examples": 5}, "examples is 5; write a list of Example(…)"),
        ({"example": Example()}, "params.id is missing; the path requires it"),
        (
            {"example": Example(), "parameters": {"object": {"string": "number"}}},
            "params.id is missing; the path requires it",
        ),
        ({"example": Example(params={"id": "x"})}, "params.id: expected int"),
        ({"example": Example(params={"id": 1, "flag": 3})}, "params.flag: expected bool"),
        ({"example": Example(params={"id": 1}, returns={"id": "x"})}, "returns.id: expected int"),
        (
            {"example": Example(params={"id": 1}, error="gone")},
            "error is 'gone', which is not in the errors of the contract",
        ),
        (
            {"example": Example(params={"id": 1}, error=1, returns={}), "errors": {1: "x"}},
            "it has both returns and error; remove one of them",
        ),
        (
            {"example": Example(params={"id": "x"}), "parameters": {"id": "number"}},
            'arguments.id: Field "id" not of expected type: number',
        ),
        (
            {
                "example": Example(params={"id": 1}, returns={"id": "x"}),
                "returns": {"id": "number"},
            },
            'returns.id: Field "id" not of expected type: number',
        ),
    ],
)
async def test_invalid_contract_is_a_boot_error(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        await application(with_contract(**keys)).boot()

    (found,) = raised.value.problems
    assert problem in found
    assert found.startswith("the contract of route 'one' (tests.bundles.contracts.test_boot.")


async def test_parameters_of_an_action_that_takes_bytes_are_a_boot_error() -> None:
    class Raw:
        @http("POST", "/raw", "raw")
        @contract(parameters={"a": "number"})
        async def raw(self, body: bytes) -> None: ...

    with pytest.raises(ConfigurationError, match="parameters cannot be checked, since the action"):
        await application(Raw).boot()


async def test_every_problem_of_every_contract_is_reported_once() -> None:
    class Two:
        @both("GET", "/two", "two")
        @contract(timeout=0, transports=["NOWHERE"])
        async def two(self) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        await application(with_contract(timeout=-1, queue=1), Two).boot()

    assert len(raised.value.problems) == 4


async def test_problems_of_every_key_are_reported_at_once() -> None:
    cls = with_contract(
        timeout=0,
        queue=Queue(0),
        parameters={"id": "nmber"},
        returns="Nope",
        errors=None,
        transports=["http"],
    )
    with pytest.raises(ConfigurationError) as raised:
        await application(cls).boot()
    words = ["errors has None", "transports is", "timeout is 0", "concurrency of", "nmber", "Nope"]
    assert len(raised.value.problems) == len(words)
    for word, problem in zip(words, raised.value.problems, strict=True):
        assert word in problem


async def test_action_that_nothing_serves_is_reported_with_all_other_problems() -> None:
    class Both:
        @both("GET", "/served", "served")
        @procedure("served", LINES)
        @contract(transports=["SOCKET"])
        async def served(self) -> None: ...

        @both("GET", "/unserved", "unserved")
        @contract(transports=[LINES])
        async def unserved(self) -> None: ...

    broken = with_contract(timeout=0, transports=["SOCKET"])
    made = Application(bundles=[ContractsBundle, LinesBundle], controllers=[Both, broken])
    with pytest.raises(ConfigurationError) as raised:
        await made.boot()

    words = ["labels only for HTTP and SOCKET", "timeout is 0", "labels only for HTTP"]
    for word, problem in zip(words, raised.value.problems, strict=True):
        assert word in problem


def test_settings_with_a_timeout_beyond_all_floats_are_refused() -> None:
    with pytest.raises(ValueError, match="seconds, more than 0"):
        ContractsSettings(timeout=10**400)


@pytest.mark.parametrize("setting", ["code", "status"])
def test_domain_error_with_invalid_numbers_raises(setting: str) -> None:
    make: dict[str, Callable[[], DomainError]] = {
        "code": lambda: DomainError(True),
        "status": lambda: DomainError("x", status_code=200),
    }
    with pytest.raises(ValueError, match="it must be"):
        make[setting]()


@pytest.mark.parametrize(
    ("code", "status_code", "status"),
    [
        ("word", None, 400),
        (404, None, 404),
        (599, None, 599),
        (399, None, 400),
        (600, None, 400),
        ("word", 409, 409),
        (404, 410, 410),
    ],
)
def test_domain_error_without_a_status_code_derives_it_from_its_code(
    code: Any, status_code: int | None, status: int
) -> None:
    assert DomainError(code, status_code=status_code).status_code == status


@controller("/base")
@contract(timeout=5, errors={"gone": "Gone"}, deprecated=True)
class Base:
    @http("GET", "/own", "own")
    @contract(timeout=1, deprecated="use whole")
    async def own(self) -> None: ...

    @http("GET", "/whole", "whole")
    async def whole(self) -> None: ...


class Without:
    @http("GET", "/none", "none")
    async def none(self) -> None: ...


async def test_contract_of_a_method_replaces_single_keys_of_the_class() -> None:
    async with KernelClient(application(Base, Without)) as client:
        definitions = client.application.kernel.http_definitions
        own = contract_of(definitions["own"])
        whole = contract_of(definitions["whole"])

        assert own == Contract(timeout=1, errors={"gone": "Gone"}, deprecated="use whole")
        assert whole == Contract(timeout=5, errors={"gone": "Gone"}, deprecated=True)
        assert whole.queue is UNSET
        assert contract_of(definitions["none"]) is None


async def test_contract_with_errors_as_a_list_and_one_example_has_both() -> None:
    one = Example(params={"id": 1})
    cls = with_contract(
        errors=[{"code": 404, "message": "None"}], example={"params": {"id": 2}}, examples=[one]
    )
    async with KernelClient(application(cls)) as client:
        found = contract_of(client.application.kernel.http_definitions["one"])

    assert found is not None
    assert found.errors == {404: "None"}
    assert found.examples == (Example(params={"id": 2}), one)


class Restricted:
    @both("GET", "/http", "only_http")
    @contract(transports=["HTTP"])
    async def only_http(self, request: Request) -> str:
        return "http"

    @both("GET", "/socket", "only_socket")
    @contract(transports=("SOCKET",))
    async def only_socket(self) -> str:
        return "socket"


async def test_transports_restrict_a_method_of_both() -> None:
    async with KernelClient(application(Restricted)) as client:
        kernel = client.application.kernel
        assert [d.name for d in kernel.http_definitions] == ["only_http"]
        assert [d.name for d in kernel.websocket_definitions] == ["only_socket"]
        assert (await client.http("only_http")).content == "http"
        assert (await client.websocket("only_socket")).content == "socket"


async def test_definition_without_limits_has_no_wrapper() -> None:
    """With descriptions only, the kernel calls the action without a wrapper."""

    class Facts:
        @http("GET", "/facts", "facts")
        @contract(caption="Facts", deprecated=True, errors={"x": "X"}, example=Example())
        async def facts(self, request: Request) -> dict[str, int]:
            return {}

    class Bare:
        @http("GET", "/bare", "bare")
        async def facts(self, request: Request) -> dict[str, int]:
            return {}

    async with KernelClient(application(Facts, Bare)) as client:
        definitions = client.application.kernel.http_definitions
        actions = [definitions[name].pipeline.action for name in ("facts", "bare")]  # type: ignore[attr-defined]

    assert actions[0].__code__ is actions[1].__code__
