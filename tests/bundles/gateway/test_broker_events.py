"""Events of the broker and their groups."""

import asyncio
import logging
from typing import Annotated, Any

import pytest

from bundles.gateway import (
    Broker,
    Context,
    CurrentContext,
    MoleculerClientError,
    action,
    on_event,
)
from rxkernel import ApplicationEvents, HeadEvent, Inject, KernelEvents, ShutdownEvent, observe
from tests.bundles.gateway.conftest import SiteOf


class Mail:
    def __init__(self, name: str = "") -> None:
        self.name = name
        self.heard: list[Any] = []

    @on_event("user.*")
    async def user(self, ctx: CurrentContext) -> None:
        self.heard.append((ctx.event_name, ctx.params))

    @on_event("order.**", group="orders")
    async def order(self, ctx: CurrentContext) -> None:
        self.heard.append((ctx.event_name, ctx.event_group, ctx.level, ctx.caller, ctx.meta))

    @on_event("typed")
    async def typed(self, id: int, name: str = "x") -> None:
        self.heard.append((id, name))


class MailTwice(Mail):
    @on_event("order.**", group="billing")
    async def bill(self, ctx: CurrentContext) -> None:
        self.heard.append("bill")

    @action("mail.emit")
    async def emit(self, ctx: CurrentContext) -> None:
        ctx.meta["user"] = "ada"
        await ctx.emit("order.paid", {"id": 1}, meta={"more": True})
        await ctx.broadcast("user.paid")


async def test_emit_runs_the_handlers_whose_pattern_matches(site_of: SiteOf) -> None:
    mail = Mail()
    site = await site_of(mail)

    await site.broker.emit("user.created", {"id": 1})
    await site.broker.emit("user.address.changed", {"id": 1})
    await site.broker.emit("userXcreated")
    await site.broker.emit("typed", {"id": 7})

    assert mail.heard == [("user.created", {"id": 1}), (7, "x")]


async def test_emit_runs_one_handler_of_each_group_in_turn(site_of: SiteOf) -> None:
    first, second = Mail(), MailTwice()
    site = await site_of(first, second)

    for _ in range(4):
        await site.broker.emit("order.paid")

    assert len(first.heard) == 2
    assert len(second.heard) == 2 + 4
    assert second.heard.count("bill") == 4


async def test_broadcast_runs_all_handlers(site_of: SiteOf) -> None:
    first, second = Mail(), MailTwice()
    site = await site_of(first, second)

    await site.broker.broadcast("order.paid")
    await site.broker.broadcast_local("order.paid")

    assert (len(first.heard), len(second.heard)) == (2, 4)


async def test_event_for_groups_reaches_only_these(site_of: SiteOf) -> None:
    first, second = Mail(), MailTwice()
    site = await site_of(first, second)

    await site.broker.emit("order.paid", groups="billing")
    await site.broker.broadcast("order.paid", groups=["billing", "unknown"])
    await site.broker.broadcast("order.paid", groups=[])

    assert first.heard == []
    assert second.heard == ["bill", "bill"]


async def test_event_of_an_action_has_its_meta_and_level(site_of: SiteOf) -> None:
    mail = MailTwice()
    site = await site_of(mail)

    await site.broker.call("mail.emit")

    meta = {"user": "ada", "more": True}
    assert ("order.paid", "orders", 2, "mail.emit", meta) in mail.heard
    assert ("user.paid", {}) in mail.heard


class Failing:
    def __init__(self) -> None:
        self.heard = 0

    @on_event("fail", group="first")
    async def fail(self) -> None:
        raise LookupError("a bug")

    @on_event("fail", group="second")
    async def refuse(self) -> None:
        raise MoleculerClientError("not wanted", 409)

    @on_event("fail", group="third")
    async def hear(self) -> None:
        self.heard += 1

    @on_event("invalid")
    async def invalid(self, id: int) -> None:
        self.heard += 1


async def test_exception_of_a_handler_is_logged_only(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing()
    site = await site_of(failing)

    await site.broker.emit("fail")
    await site.broker.emit("invalid", {"id": "x"})

    assert failing.heard == 1
    bug, refused, invalid = caplog.records
    assert bug.exc_info is not None
    assert "Failing.fail failed for the event 'fail'" in bug.getMessage()
    assert "409 'not wanted'" in refused.getMessage()
    assert "422 'Parameters validation error!'" in invalid.getMessage()
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


class Loop:
    def __init__(self) -> None:
        self.count = 0
        self.plain = 0

    @on_event("loop")
    async def again(self, ctx: CurrentContext) -> None:
        self.count += 1
        await ctx.emit("loop")

    @on_event("plain")
    async def plainly(self, broker: Annotated[Broker, Inject()]) -> None:
        self.plain += 1
        await broker.broadcast("plain")


async def test_handler_that_emits_its_own_event_ends_at_the_limit(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    loop = Loop()
    site = await site_of(loop)

    await site.broker.emit("loop")
    await site.broker.emit("plain")

    assert (loop.count, loop.plain) == (100, 100)
    assert len(caplog.records) == 2
    assert "Request level is reached the limit (101)" in caplog.text


class Heads:
    def __init__(self) -> None:
        self.routes: list[str | None] = []

    @observe(KernelEvents.KERNEL_HEAD)
    async def head(self, event: HeadEvent) -> None:
        assert isinstance(event.request.native, Context)
        self.routes.append(event.request.route_name)


async def test_handler_is_a_message_of_the_kernel(site_of: SiteOf) -> None:
    heads = Heads()
    site = await site_of(Mail, listeners=(heads,))

    await site.broker.emit("user.created")

    assert heads.routes == ["tests.bundles.gateway.test_broker_events.Mail.user user.*"]


class Slow:
    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.ended: list[str] = []

    @on_event("slow")
    async def slow(self) -> None:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("ended")

    @on_event("last")
    async def last(self) -> None:
        self.ended.append("last")

    @observe(ApplicationEvents.SHUTDOWN)
    async def shutdown(self, event: ShutdownEvent) -> None:
        await event.injector.get(Broker).emit("last")
        self.go.set()


async def test_handler_continues_if_the_sender_is_cancelled(site_of: SiteOf) -> None:
    slow = Slow()
    site = await site_of(slow)
    task = asyncio.create_task(site.broker.emit("slow"))
    await slow.begun.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slow.ended == []
    await site.client.close()

    assert slow.ended == ["last", "ended"]


async def test_shutdown_waits_for_handlers_of_events_emitted_during_it(site_of: SiteOf) -> None:
    slow = Slow()
    site = await site_of(slow)
    async with asyncio.TaskGroup() as group:
        group.create_task(site.broker.emit("slow"))
        await slow.begun.wait()

        await site.client.close()

    assert slow.ended == ["last", "ended"]


class Stuck(Slow):
    @observe(ApplicationEvents.SHUTDOWN)
    async def shutdown(self, event: ShutdownEvent) -> None:
        """Does not release the handler, which runs too long."""


async def test_shutdown_cancels_handlers_that_take_too_long(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = Stuck()
    site = await site_of(stuck, shutdown_timeout=0.01)
    async with asyncio.TaskGroup() as group:
        group.create_task(site.broker.emit("slow"))
        await stuck.begun.wait()

        await site.client.close()

    assert stuck.ended == ["cancelled"]
    assert "1 handlers of events took too long and were cancelled" in caplog.text
