"""Events between applications, and the bus of a single process."""

import logging
from typing import Annotated

import attrs
import pytest

from bundles.redis import RedisBundle
from bundles.scale import (
    Bus,
    Presence,
    RecoverySettings,
    ScaleBundle,
    ScaleSettings,
    limit,
    subscribe,
)
from bundles.security import SecurityBundle, SecuritySettings, TokenSettings, access
from bundles.state import StateBundle
from bundles.tasks import TasksBundle, TasksSettings
from rxkernel import (
    Application,
    Body,
    ConfigurationError,
    HttpSettings,
    Inject,
    KernelClient,
    NotFoundException,
    Settings,
    http,
)
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import SiteOf
from tests.bundles.scale.process import SECRET
from tests.bundles.security.logins import SECRET as TOKEN_SECRET
from tests.bundles.security.logins import Accounts
from tests.waiting import until


@attrs.frozen
class Order:
    id: int
    items: list[str]


class Orders:
    def __init__(self) -> None:
        self.paid: list[object] = []
        self.failed = 0

    async def gets(self, number: int) -> None:
        await until(lambda: len(self.paid) == number)

    @subscribe("order.paid")
    async def pay(self, order: Annotated[Order, Body()]) -> None:
        self.paid.append(order)

    @subscribe("order.paid")
    async def note(self, id: int) -> None:
        self.paid.append(id)

    @subscribe("file")
    async def store(self, content: Annotated[bytes, Body()]) -> None:
        self.paid.append(content)

    @subscribe("missing")
    async def miss(self) -> None:
        self.failed += 1
        raise NotFoundException("no such order")

    @subscribe("broken")
    async def fail(self) -> None:
        self.failed += 1
        raise RuntimeError("a bug")


async def test_event_reaches_each_subscriber_in_each_process_once(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    services = Orders(), Orders()
    here = await site_of(shared_redis, services[0])
    there = await site_of(shared_redis, services[1])
    await there.sees(1)

    assert await there.bus.publish("order.paid", Order(1, ["tea"]))
    assert await there.bus.publish("nobody", 1)
    assert await there.bus.publish("file", b"\x00\xff")

    for service in services:
        await service.gets(3)
        assert service.paid == [Order(1, ["tea"]), 1, b"\x00\xff"]
    assert here.counts == there.counts == {}


async def test_error_of_subscriber_is_logged(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    orders = Orders()
    site = await site_of(None, orders)

    assert await site.bus.publish("missing")
    assert await site.bus.publish("broken")
    await until(lambda: len(caplog.records) == 2)

    assert "Orders.miss failed for the event 'missing': 404" in caplog.text
    assert "a bug" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


async def test_memory_bus_delivers_within_the_process_and_is_ready(site_of: SiteOf) -> None:
    orders = Orders()
    site = await site_of(None, orders)

    data = {"id": 1, "items": ["tea"]}
    assert await site.bus.publish("order.paid", data)
    data["id"] = 2
    await orders.gets(2)

    assert orders.paid == [Order(1, ["tea"]), 1]
    assert not site.broadcaster.reaches_other_processes
    with pytest.raises(TypeError, match="pass a str"):
        await site.bus.publish(1)
    with pytest.raises(ValueError, match="more than 64 bits"):
        await site.bus.publish("order.paid", 2**70)


async def test_subscriber_in_workers_without_bus_fails_at_boot() -> None:
    application = Application(
        bundles=[ScaleBundle],
        controllers=[Orders],
        settings=Settings(http=HttpSettings(reuse_port=True)),
    )

    with pytest.raises(ConfigurationError, match=r'set scale\.bus to "redis"'):
        await application.boot()


class Limited:
    @http("GET", "/search", "search")
    @limit("10/minute")
    @access("public")
    async def search(self) -> None: ...


async def test_stores_in_memory_of_workers_are_all_reported_at_once() -> None:
    sections = {
        "scale": ScaleSettings(recovery=RecoverySettings(store="memory")),
        "security": SecuritySettings(tokens=TokenSettings(secret=TOKEN_SECRET)),
        "tasks": TasksSettings(store="memory"),
    }
    application = Application(
        bundles=["sessions", SecurityBundle(Accounts), TasksBundle, ScaleBundle, StateBundle],
        controllers=[Limited, Orders],
        settings=Settings(http=HttpSettings(reuse_port=True), bundles=sections),
    )

    with pytest.raises(ConfigurationError) as caught:
        await application.boot()

    text = str(caught.value)
    for setting in (
        *("sessions.store", "security.tokens.store", "tasks.store", "scale.recovery.store"),
        *("scale.limits", "scale.bus", "state.store"),
    ):
        assert f'{setting} is "memory"' in text


class Shop:
    """Services of the bundle as parameters of actions."""

    @http("GET", "/order", "order")
    async def order(
        self, bus: Annotated[Bus, Inject()], presence: Annotated[Presence, Inject()]
    ) -> None: ...


@pytest.mark.parametrize(
    ("bundles", "settings", "message"),
    [
        ((ScaleBundle,), {"secret": SECRET}, "the bundle 'redis' is not enabled"),
        ((RedisBundle, ScaleBundle), {}, "scale.secret is not set.*secrets.token_urlsafe"),
    ],
    ids=["without-redis", "without-secret"],
)
async def test_incomplete_settings_fail_at_boot(
    bundles: tuple[type, ...], settings: dict[str, str], message: str
) -> None:
    scale = ScaleSettings(bus="redis", **settings)  # type: ignore[arg-type]
    application = Application(
        bundles=bundles, controllers=[Shop], settings=Settings(bundles={"scale": scale})
    )

    with pytest.raises(ConfigurationError, match=message) as caught:
        await application.boot()
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bus": "nats"}, "bus"),
        ({"socketio_channel": "a b"}, "socketio_channel must be letters, digits"),
        ({"secret": "short"}, "secret must be a text of at least 32 characters"),
        (
            {"socketio_channel": "rxkernel.all"},
            "must not begin with 'rxkernel.'",
        ),
        ({"heartbeat_interval": 5.0}, "must be longer than heartbeat_interval, 5.0"),
    ],
    ids=["bus", "socketio-text", "secret", "socketio-bus", "heartbeat"],
)
def test_invalid_settings_are_rejected(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ScaleSettings(**settings)  # type: ignore[arg-type]
    assert "short" not in str(caught.value)


async def test_subscriber_without_the_bundle_is_one_error_that_names_it() -> None:
    class Orders:
        @subscribe("order.paid")
        async def paid(self) -> None: ...

        @subscribe("order.sent")
        async def sent(self) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await Application(controllers=[Orders]).boot()

    (problem,) = caught.value.problems
    assert problem.endswith(
        "and 1 other route has no effect without the bundle scale; enable it: "
        'Application(bundles=["scale"])'
    )


@pytest.mark.parametrize("name", ["", None, Orders.pay])
def test_subscribe_without_name_is_rejected(name: object) -> None:
    with pytest.raises(ConfigurationError, match="@subscribe needs the name of an event"):
        subscribe(name)  # type: ignore[arg-type]


async def test_bus_is_injected_into_controllers() -> None:
    class Shop:
        @http("POST", "/orders", "order")
        async def order(self, bus: Annotated[Bus, Inject()]) -> bool:
            return await bus.publish("order.paid", {"id": 1, "items": []})

    orders = Orders()
    application = Application(bundles=[ScaleBundle], controllers=[Shop, orders])
    async with KernelClient(application) as client:
        assert (await client.http("order")).content is True
        await orders.gets(2)
