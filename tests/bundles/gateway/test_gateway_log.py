"""What a gateway logs."""

import logging
from typing import Any

import pytest

from bundles.gateway import Call, CurrentContext, MoleculerClientError, Packet, action
from tests.bundles.gateway.gateways import Greeter, Math, gateway, in_process

LEVELS = {
    "log_client_connection": "warning",
    "log_request": "info",
    "log_request_params": "debug",
    "log_response": "info",
    "log_4xx_responses": True,
}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        f"{one.levelname} {one.getMessage()}"
        for one in caplog.records
        if one.name == "bundles.gateway"
    ]


async def test_log_has_the_id_of_each_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bundles.gateway")
    ids: list[str] = []

    class Ids:
        @action("ids.run", visibility="published")
        async def run(self, ctx: Any = None) -> None: ...

    async with in_process(Math, **LEVELS) as all_, all_.connected() as io:
        assert io.connection is not None
        me = io.connection.id
        await io.call("math.add", {"a": 1, "b": 2})
        await io.code("math.nope", {"password": "secret"})
    found = lines(caplog)
    ids = [line.partition("[")[2].partition("]")[0] for line in found]
    assert len(set(ids)) == 4
    assert ids[1] == ids[2] == ids[3]
    assert [line.replace(f"[{id}] ", "") for line, id in zip(found, ids, strict=True)] == [
        f"WARNING client {me} has connected (namespace '/')",
        f"INFO => client {me} calls 'math.add'",
        "DEBUG parameters of 'math.add': {'a': 1, 'b': 2}",
        f"INFO <= client {me}: 'math.add' succeeded",
        f"WARNING <= client {me}: 'math.nope' failed: {{'name': 'ServiceNotFoundError', "
        f"'message': \"Service 'math.nope' is not found.\", 'code': 404, 'type': "
        f"'SERVICE_NOT_FOUND', 'data': {{'action': 'math.nope'}}}}",
        f"WARNING client {me} has disconnected (namespace '/')",
    ]


async def test_log_is_empty_by_default(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with in_process(Greeter) as io:
        await io.call("greeter.echo", {"password": "secret"})
        await io.code("nope", {"password": "secret"})
    assert lines(caplog) == []
    assert "secret" not in caplog.text


async def test_log_without_parameters_has_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    levels = {**LEVELS, "log_request_params": "none"}
    async with in_process(Greeter, **levels) as io:
        await io.call("greeter.echo", {"password": "secret"})
    assert "'greeter.echo'" in caplog.text
    assert "secret" not in caplog.text


async def test_log_of_a_value_that_cannot_be_shown(caplog: pytest.LogCaptureFixture) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError("no text")

    async def put(packet: Packet) -> None:
        packet.args[1:] = [Odd()]

    async def drop(call: Call) -> None:
        call.params = None

    cls = gateway(call={"before_call": drop})
    cls.namespaces = {"/": {**cls.namespaces["/"], "packet_middlewares": [put]}}
    caplog.set_level(logging.DEBUG)
    async with in_process(Greeter, gateway=cls, log_request_params="debug") as io:
        assert await io.call("greeter.echo") == {}
    assert lines(caplog)[0].endswith(
        "parameters of 'greeter.echo': <Odd that cannot be shown: ValueError>"
    )


async def test_log_of_a_long_value_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with in_process(Greeter, log_request_params="debug") as io:
        await io.call("greeter.echo", {"text": "x" * 100_000})
    assert len(lines(caplog)[0]) < 1200


async def test_log_of_an_error_has_its_data_only_with_the_parameters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Echo:
        @action("echo.fail", visibility="published")
        async def fail(self, ctx: CurrentContext) -> None:
            raise MoleculerClientError("no", 409, "NO", ctx.params)

    for level, is_shown in (("none", False), ("info", True)):
        caplog.clear()
        settings = {"log_4xx_responses": True, "log_request_params": level}
        async with in_process(Echo, **settings) as io:
            await io.code("echo.fail", {"password": "secret"})
            await io.emit("call", 5)
        assert ("secret" in caplog.text) is is_shown
        assert [line.split(": ")[1] for line in lines(caplog) if "failed" in line] == [
            "'echo.fail' failed",
            "'call' failed",
        ]
