"""Work after the response."""

import asyncio
import logging

import pytest

from bundles.tasks import Background, TasksBundle, TasksSettings
from rxkernel import (
    Application,
    KernelClient,
    Request,
    RequestIdFilter,
    RxKernelError,
    Settings,
    http,
)


class Orders:
    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.mailed: list[str] = []

    @http("POST", "/orders/{name}", "order")
    async def order(self, name: str, request: Request) -> str:
        background = await request.get(Background)
        background.start(self.mail(name), name="mail")
        return request.id

    async def mail(self, name: str) -> None:
        await self.gate.wait()
        if name == "bad":
            raise ConnectionError("no mail server")
        self.mailed.append(name)


def client_for(orders: Orders, shutdown_timeout: float = 10.0, **limits: int) -> KernelClient:
    tasks = TasksSettings(store="memory", **limits)  # type: ignore[arg-type]
    settings = Settings(shutdown_timeout=shutdown_timeout, bundles={"tasks": tasks})
    return KernelClient(
        Application(bundles=[TasksBundle], controllers=[orders], settings=settings)
    )


async def test_background_work_continues_after_the_response_and_shutdown_waits() -> None:
    orders = Orders()
    client = client_for(orders)
    assert (await client.http("order", params={"name": "tea"})).status_code == 200
    background = client.application.injector.get(Background)
    assert (orders.mailed, background.running) == ([], 1)

    closing = asyncio.ensure_future(client.close())
    await asyncio.sleep(0)
    orders.gate.set()
    await closing

    assert orders.mailed == ["tea"]
    with pytest.raises(RxKernelError, match="the application has stopped"):
        background.start(orders.mail("late"))


async def test_background_failure_is_logged_with_the_request_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.handler.addFilter(RequestIdFilter())
    orders = Orders()
    orders.gate.set()
    async with client_for(orders) as client:
        id = (await client.http("order", params={"name": "bad"})).content
        await client.application.injector.get(Background).drain(20)
        counts = client.application.servers["tasks"].counts
        assert counts == {"tasks.background_failures": 1}

    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.getMessage() == "background work mail failed"
    assert vars(record)["request_id"] == id
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ConnectionError)


async def test_background_work_beyond_the_limit_is_503() -> None:
    orders = Orders()
    async with client_for(orders, max_background=2) as client:
        statuses = [
            (await client.http("order", params={"name": name})).status_code for name in "abc"
        ]
        assert statuses == [200, 200, 503]
        assert client.application.servers["tasks"].counts == {"tasks.max_background": 1}
        orders.gate.set()
    assert orders.mailed == ["a", "b"]


async def test_background_work_past_the_shutdown_timeout_is_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with client_for(Orders(), shutdown_timeout=0.05) as client:
        await client.http("order", params={"name": "tea"})
        await client.close()

    assert "background work mail is cancelled, since the process is stopping" in caplog.text


async def test_background_start_returns_the_task() -> None:
    async def seven() -> int:
        return 7

    async with client_for(Orders()) as client:
        background = client.application.injector.get(Background)

        task = background.start(seven())

        assert await task == 7
        assert task.get_name().endswith("seven")


async def test_background_without_a_coroutine_is_an_error() -> None:
    orders = Orders()
    async with client_for(orders) as client:
        background = client.application.injector.get(Background)
        with pytest.raises(TypeError, match=r"takes a coroutine, not <bound method .*; call the"):
            background.start(orders.mail)  # type: ignore[arg-type]
        assert background.running == 0


async def test_background_in_a_thread_is_an_error() -> None:
    orders = Orders()
    async with client_for(orders) as client:
        await client.http("order", params={"name": "tea"})
        background = client.application.injector.get(Background)

        with pytest.raises(RxKernelError, match="make the action an async def"):
            await asyncio.to_thread(lambda: background.start(orders.mail("x")))

        orders.gate.set()
