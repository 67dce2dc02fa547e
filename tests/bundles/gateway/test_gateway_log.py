"""The log of a gateway."""

import logging
from typing import Any

import pytest

from bundles.gateway import (
    Call,
    CurrentContext,
    MoleculerClientError,
    MoleculerServerError,
    Packet,
    action,
)
from rxkernel import RequestIdFilter
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


async def test_log_record_has_id_of_its_message(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, logger="bundles.gateway")
    monkeypatch.setattr(caplog.handler, "filters", [RequestIdFilter()])
    async with in_process(Math, **LEVELS) as all_, all_.connected() as io:
        assert io.connection is not None
        me = io.connection.id
        await io.call("math.add", {"a": 1, "b": 2})
        await io.code("math.nope", {"password": "secret"})
    found = [one for one in caplog.records if one.name == "bundles.gateway"]
    ids = [vars(one)["request_id"] for one in found]
    assert len(set(ids)) == 4
    assert ids[1] == ids[2] == ids[3]
    assert lines(caplog) == [
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


async def test_log_without_the_setting_contains_no_parameters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    levels = {**LEVELS, "log_request_params": "none"}
    async with in_process(Greeter, **levels) as io:
        await io.call("greeter.echo", {"password": "secret"})
    assert "'greeter.echo'" in caplog.text
    assert "secret" not in caplog.text


async def test_log_of_a_value_whose_repr_fails_names_its_class(
    caplog: pytest.LogCaptureFixture,
) -> None:
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


@pytest.mark.parametrize("parts", [{"debug": True}, {"log_4xx_responses": True}])
async def test_log_of_a_refused_action_has_the_reason(
    caplog: pytest.LogCaptureFixture, parts: dict[str, Any]
) -> None:
    """The client receives the error of an unknown action."""
    events = {
        "call": {},
        "listed": {"whitelist": ["greeter.*"]},
        "short": {"aliases": {"+": "math.add"}, "mapping_policy": "restrict"},
    }
    async with in_process(Math, Greeter, gateway=gateway(**events), **parts) as io:
        for event, name in (
            ("call", "math.open"),
            ("call", "math.secret"),
            ("listed", "math.add"),
            ("short", "math.add"),
            ("call", "math.nope"),
        ):
            (error,) = await io.emit(event, name)
            assert error["message"] == f"Service '{name}' is not found."
    write = "write visibility='published' at the action"
    assert [line.partition("}; ")[2] for line in lines(caplog)] == [
        f"it is public; {write}",
        f"it is private; {write}",
        "it is not in the whitelist (its visibility is published)",
        "it is not an alias, and mapping_policy is 'restrict'",
        "",
    ]


async def test_log_of_an_error_of_the_server_names_the_action(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Store:
        @action("store.read", visibility="published")
        async def read(self) -> None:
            raise MoleculerServerError("no disk", data={"path": "secret"})

    caplog.set_level(logging.INFO)
    async with in_process(Store) as io:
        await io.code("store.read")
    (line,) = lines(caplog)
    assert line.startswith("INFO <= client ")
    assert "'store.read' failed: {'name': 'MoleculerServerError', 'message': 'no disk'" in line
    assert "secret" not in line
