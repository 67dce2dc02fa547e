"""One context per HTTP message, over both paths, to the end of its services."""

import asyncio
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rxkernel import (
    Application,
    ServerConfigurationEvent,
    ServerEvents,
    observe,
)
from tests.context_probe import FAILED, PHASES, Probe, Steps, parts
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import post, raw_http
from tests.waiting import until


class Signal:
    """A native signal, which turns the fast path off."""

    @observe(ServerEvents.CONFIGURE)
    async def add(self, event: ServerConfigurationEvent) -> None:
        async def prepare(native: web.Request, out: web.StreamResponse) -> None:
            return None

        if event.server.name == "http":
            event.server.engine.on_response_prepare.append(prepare)


class Middleware:
    """A native middleware, which runs the handler in another task."""

    @observe(ServerEvents.CONFIGURE)
    async def add(self, event: ServerConfigurationEvent) -> None:
        @web.middleware
        async def around(native: web.Request, handler: Any) -> web.StreamResponse:
            out: web.StreamResponse = await asyncio.create_task(handler(native))
            return out

        if event.server.name == "http":
            event.server.engine.middlewares.append(around)


async def serve_steps(serve: Serve, probe: Probe, *native: type) -> Application:
    made_of = parts(probe)
    made_of["listeners"] += native
    return await serve(Steps, **made_of)


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.mark.parametrize("native", [(), (Signal,), (Middleware,)])
@pytest.mark.parametrize("path", ["steps", "stream"])
async def test_context_lasts_from_first_listener_to_services(
    serve: Serve,
    session: aiohttp.ClientSession,
    probe: Probe,
    caplog: pytest.LogCaptureFixture,
    native: tuple[type, ...],
    path: str,
) -> None:
    """The second stream may take another path than the first."""
    application = await serve_steps(serve, probe, *native)

    for name in ("ann", "bob"):
        async with session.get(http_url(application, f"/{path}/{name}")) as response:
            assert await response.text() == name
        await until(partial(probe.is_done, name))
        assert probe.seen[name] == [(phase, name) for phase in PHASES]

    assert set(probe.before.values()) == {"nobody"}
    assert not caplog.records


async def test_context_of_a_failed_message_reaches_the_exception_listeners(
    serve: Serve, session: aiohttp.ClientSession, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve_steps(serve, probe)

    async with session.get(http_url(application, "/fails/ann")) as response:
        assert response.status == 409
    await until(lambda: probe.is_done("ann"))

    assert probe.seen["ann"] == [(phase, "ann") for phase in FAILED]
    assert not caplog.records


async def test_context_of_a_message_with_a_body_is_its_own(
    serve: Serve, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    """One body is sent with its head, the other one after it."""
    application = await serve_steps(serve, probe)

    async with raw_http(application) as connection:
        await connection.send(post("/steps/ann", body=b"whole"))
        assert (await connection.answer()).body == b"ann"
        await connection.send(post("/steps/bob", "Content-Length: 4"), b"late")
        assert (await connection.answer()).body == b"bob"
    await until(lambda: probe.is_done("ann", "bob"))

    assert probe.values("ann") == {"ann"}
    assert probe.values("bob") == {"bob"}
    assert not caplog.records


async def test_contexts_of_pipelined_messages_are_separate(
    serve: Serve, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    """On one connection; some are read together, and aiohttp handles those with Expect."""
    application = await serve_steps(serve, probe)
    names = [f"n{number}" for number in range(12)]
    heads = ["", "Expect: 100-continue\r\n", "", ""]
    asked = [
        f"GET /steps/{name} HTTP/1.1\r\nHost: x\r\n{heads[n % 4]}\r\n".encode()
        for n, name in enumerate(names)
    ]

    async with raw_http(application) as connection:
        await connection.send(b"".join(asked))
        answers = [(await connection.answer()).body.decode() for _ in names]
        await until(lambda: probe.is_done(*names))

    assert answers == names
    assert all(probe.values(name) == {name} for name in names)
    assert set(probe.before.values()) == {"nobody"}
    assert not caplog.records
