"""Calls of clients and their acknowledgements: checks 1 to 10 of moleculer-io."""

import asyncio
from typing import Any

import pytest

from bundles.gateway import MoleculerClientError, MoleculerError, action
from rxkernel import (
    Acknowledgement,
    ConflictException,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    observe,
)
from tests.bundles.gateway.gateways import Greeter, Math, application_of, in_process, listening
from tests.servers.socketio_clients import client, raw_socket
from tests.waiting import until


class Broken:
    """Actions that fail, or return values that cannot be sent."""

    def __init__(self) -> None:
        self.calls = 0

    @action("broken.div", visibility="published")
    async def div(self) -> None:
        raise MoleculerClientError("Divide by zero!", 422, "DIV_ZERO", {"a": 1})

    @action("broken.custom", visibility="published")
    async def custom(self) -> None:
        raise MoleculerError("m", 567, "TT", {"d": 1})

    @action("broken.plain", visibility="published")
    async def plain(self) -> None:
        raise KeyError("the password of the database")

    @action("broken.conflict", visibility="published")
    async def conflict(self) -> None:
        raise ConflictException("taken", code="name_taken", errors=[1])

    @action("broken.circular", visibility="published")
    async def circular(self) -> Any:
        return _circle()

    @action("broken.object", visibility="published")
    async def object(self) -> Any:
        return {"value": self}

    @action("broken.circular_data", visibility="published")
    async def circular_data(self) -> None:
        raise MoleculerClientError("bad", 422, "BAD", _circle())

    @action("broken.object_data", visibility="published")
    async def object_data(self) -> None:
        raise MoleculerClientError("bad", 422, "BAD", {"value": self})

    @action("broken.count", visibility="published")
    async def count(self) -> int:
        self.calls += 1
        return self.calls


def _circle() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["me"] = circle
    return circle


# check 1
async def test_call_is_acknowledged_with_null_and_the_result() -> None:
    async with listening() as app, raw_socket(app) as raw:
        await raw.send('420["call","math.add",{"a":1,"b":2}]')
        assert await raw.receive() == "430[null,3.0]"


# check 1
async def test_acknowledgement_of_a_whole_number_has_no_fraction() -> None:
    class Whole:
        @action("math.add", visibility="published")
        async def add(self, a: int, b: int) -> int:
            return a + b

    async with listening(Whole) as app, raw_socket(app) as raw:
        await raw.send('420["call","math.add",{"a":1,"b":2}]')
        assert await raw.receive() == "430[null,3]"


# check 1
async def test_binary_parameters_and_results_arrive_unchanged() -> None:
    async with listening() as app, client(app) as socket:
        sent = {"file": b"\x00\xff", "more": [b"a"]}
        assert await socket.call("call", ("greeter.echo", sent)) == (None, sent)


# check 2
async def test_call_without_parameters_has_empty_parameters() -> None:
    async with in_process() as io:
        assert await io.call("greeter.hello") == "Hello"
        assert await io.call("greeter.echo") == {}


# check 2
@pytest.mark.parametrize("params", [0, False, "", [], [1, 2], "text", {"a": [None]}], ids=repr)
async def test_parameters_may_be_any_value(params: Any) -> None:
    async with in_process() as io:
        assert await io.call("greeter.echo", params) == params


# check 3
@pytest.mark.parametrize("name", ["222", "null", "{}", '["math.add"]', "true"])
async def test_action_name_that_is_not_text_is_a_bad_request(name: str) -> None:
    async with listening() as app, raw_socket(app) as raw:
        await raw.send(f'423["call",{name},"wtf"]')
        assert await raw.receive() == (
            '433[{"name":"BadRequestError","message":"Bad Request","code":400,'
            '"type":"ERR_INVALID_FORMAT"}]'
        )


# check 4
async def test_call_with_only_an_acknowledgement_is_a_bad_request() -> None:
    async with listening() as app, raw_socket(app) as raw:
        await raw.send('424["call"]')
        assert await raw.receive() == (
            '434[{"name":"BadRequestError","message":"Bad Request","code":400,'
            '"type":"ERR_INVALID_FORMAT"}]'
        )


# check 5
async def test_unknown_action_is_not_found() -> None:
    async with listening() as app, raw_socket(app) as raw:
        await raw.send('421["call","nope.nope"]')
        assert await raw.receive() == (
            '431[{"name":"ServiceNotFoundError","message":"Service \'nope.nope\' is not found.",'
            '"code":404,"type":"SERVICE_NOT_FOUND","data":{"action":"nope.nope"}}]'
        )


# check 6
async def test_action_without_a_result_is_acknowledged_with_null() -> None:
    async with listening() as app, raw_socket(app) as raw:
        await raw.send('426["call","greeter.nothing"]')
        assert await raw.receive() == "436[null,null]"


# check 7
async def test_invalid_parameters_are_a_validation_error() -> None:
    async with in_process() as io:
        error = await io.error("math.add", {"a": 1})
    data = error.pop("data")
    assert error == {
        "name": "ValidationError",
        "message": "Parameters validation error!",
        "code": 422,
        "type": "VALIDATION_ERROR",
    }
    assert [one["field"] for one in data] == ["b"]


# check 8
async def test_error_of_an_action_has_its_five_fields() -> None:
    async with in_process(Broken) as io:
        assert await io.error("broken.div") == {
            "name": "MoleculerClientError",
            "message": "Divide by zero!",
            "code": 422,
            "type": "DIV_ZERO",
            "data": {"a": 1},
        }
        assert await io.error("broken.custom") == {
            "name": "MoleculerError",
            "message": "m",
            "code": 567,
            "type": "TT",
            "data": {"d": 1},
        }
        assert await io.error("broken.conflict") == {
            "name": "ConflictException",
            "message": "taken",
            "code": 409,
            "type": "name_taken",
            "data": [1],
        }


# check 9
async def test_unexpected_exception_has_a_generic_message_except_in_debug() -> None:
    async with in_process(Broken) as io:
        assert await io.error("broken.plain") == {
            "name": "Error",
            "message": "Internal Server Error",
        }
    async with in_process(Broken, debug=True) as io:
        assert await io.error("broken.plain") == {
            "name": "KeyError",
            "message": "'the password of the database'",
        }


# check 10
@pytest.mark.parametrize("name", ["circular", "object"])
async def test_result_that_cannot_be_encoded_is_an_error(name: str) -> None:
    async with listening(Broken) as app, client(app) as socket:
        assert await socket.call("call", f"broken.{name}") == {
            "name": "Error",
            "message": "Internal Server Error",
        }
        assert await socket.call("call", "broken.count") == (None, 1)


# check 10
@pytest.mark.parametrize("name", ["circular_data", "object_data"])
async def test_error_data_that_cannot_be_encoded_is_left_out(name: str) -> None:
    async with listening(Broken) as app, client(app) as socket:
        assert await socket.call("call", f"broken.{name}") == {
            "name": "MoleculerClientError",
            "message": "bad",
            "code": 422,
            "type": "BAD",
        }
        assert await socket.call("call", "broken.count") == (None, 1)


async def test_call_without_acknowledgement_runs_the_action() -> None:
    broken = Broken()
    async with listening(broken) as app, client(app) as socket:
        await socket.emit("call", "broken.count")
        await socket.emit("call", ("broken.count", {}, "not a function"))
        await until(lambda: broken.calls == 2)


async def test_calls_of_one_client_run_in_parallel() -> None:
    gate = asyncio.Event()

    class Slow:
        @action("slow.wait", visibility="published")
        async def wait(self) -> str:
            await gate.wait()
            return "slow"

        @action("slow.open", visibility="published")
        async def open(self) -> str:
            gate.set()
            return "fast"

    async with listening(Slow) as app, raw_socket(app) as raw:
        await raw.send('421["call","slow.wait"]', '422["call","slow.open"]')
        frames = {await raw.receive(), await raw.receive()}
    assert frames == {'431[null,"slow"]', '432[null,"fast"]'}


async def test_unknown_event_is_acknowledged_with_an_error() -> None:
    async with listening() as app, client(app) as socket:
        error = await socket.call("shout", 1)
    assert error.pop("statusCode") == 404
    assert error == {
        "name": "NotFoundException",
        "message": "no event 'shout' in namespace /",
        "code": 404,
        "type": "unknown_event",
    }


async def test_acknowledgement_of_an_action_is_its_content() -> None:
    class Two:
        @action("two", visibility="published")
        async def two(self) -> Acknowledgement:
            return Acknowledgement(1, 2)

    async with in_process(Two) as io:
        assert await io.call("two") == [1, 2]


async def test_call_of_a_client_and_its_action_are_two_messages_with_one_id() -> None:
    seen: list[Request] = []

    @observe(KernelEvents.KERNEL_REQUEST)
    async def note(event: RequestEvent) -> None:
        seen.append(event.request)

    application = application_of(Math, Greeter, listeners=(note,))
    async with KernelClient(application) as tests:
        await tests.websocket("call", body=["math.add", {"a": 1, "b": 2}])
    call, add = seen
    assert (call.transport, call.url, add.transport, add.url) == (
        *("SOCKET", "call"),
        *("ACTION", "math.add"),
    )
    assert (call.id, call.connection) == (add.id, add.connection)
