"""Applications that are served together share one Redis, but no data.

They are ``shop`` and ``blog``, each with all stores of the bundles in Redis. A second ``shop``
stands for another process of it.
"""

import ast
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from injector import Binder, singleton
from limits import parse

from bundles.autoload import create_application
from bundles.gateway import Broker
from bundles.message_bus import check_topic
from bundles.redis import Redis, RedisBundle
from bundles.redis.outage import Outage
from bundles.redis.problems import Problem
from bundles.redis.settings import RedisSettings, _prefix_of
from bundles.scale import Bus, subscribe
from bundles.scale.bus.link import Link
from bundles.scale.limits.counts import Counts
from bundles.security.tokens.store import TokenStore
from bundles.sessions import SessionStore
from bundles.state import State
from bundles.tasks import Scheduler, TaskQueue, every, task
from bundles.tasks.queue.redis_backend import RedisTasks
from bundles.tasks.scheduler.planner import Planner
from bundles.web import Channels
from bundles.web.channels.event_log import EventLog
from rxkernel import Application, Broadcaster, Bundle, HttpSettings, Settings, SharedPort
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.recovery.recovering import Recovering, recovering
from tests.bundles.security.test_token_stores import record_of
from tests.bundles.sessions.stores import NOW, session
from tests.bundles.web.channels.conftest import Accounts
from tests.required_tools import ROOT
from tests.servers.socketio.clients import engine_of
from tests.waiting import until

SETTINGS = """
[http]
host = "127.0.0.1"
port = 0
[redis]
url = "{url}"
command_timeout = 10
[scale]
bus = "redis"
limits = "redis"
secret = "the secret of the tests, which is long"
heartbeat_interval = 0.1
[scale.recovery]
store = "redis"
[security.tokens]
store = "redis"
secret = "s3cret-of-the-tests-with-32-bytes!"
[sessions]
store = "redis"
[state]
store = "redis"
[tasks]
store = "redis"
[tasks.queue]
store = "redis"
[web.channels]
store = "redis"
[gateway]
cacher = "redis"
[applications.shop.state]
max_keys = 1000
"""

KEYS = {
    *("MOL-", "rxkernel.events", "rxkernel.recovery", "rxkernel:limit:", "rxkernel:session:"),
    *("rxkernel:state", "{rxkernel:channels}:", "{rxkernel:security}:", "{rxkernel:tasks}:"),
}
"""The beginnings of the keys of all bundles, without ``redis.prefix``."""

NOTHING: dict[str, Any] = {
    **{"session": None, "ended": False, "refresh token": None, "access is revoked": False},
    **{"schedules": 1, "limit is reached": False, "state": None, "cached": None},
    **{"events of channels": 0, "processes": 0, "said": [], "queued": 0},
}


class Work:
    def __init__(self) -> None:
        self.said: list[str] = []

    @subscribe("said")
    async def hear(self, text: str) -> None:
        self.said.append(text)

    @every("1h")
    async def tick(self) -> None:
        pass

    @task
    async def later(self) -> None:
        pass


class WorkBundle(Bundle):
    name = "work"

    def configure(self, binder: Binder) -> None:
        binder.bind(Work, scope=singleton)


StartSite = Callable[..., Awaitable[Application]]


@pytest.fixture
async def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: RedisServer
) -> AsyncIterator[StartSite]:
    """``await start("shop", redis.url)`` starts a process of the application shop."""
    page = tmp_path / "application" / "app" / "chat.sse" / "get.py"
    page.parent.mkdir(parents=True)
    page.write_text("async def get(client): return 'chat'\n")
    monkeypatch.chdir(tmp_path)
    async with AsyncExitStack() as stack:

        async def start_site(name: str, url: str) -> Application:
            (tmp_path / "rxkernel.toml").write_text(SETTINGS.format(url=url))
            application = create_application(
                users=Accounts(),
                bundles=["redis", "scale", "state", "tasks", "gateway", WorkBundle],
            )
            application.load_settings(name=name)
            await application.start()
            stack.push_async_callback(application.stop)
            return application

        yield start_site


async def _use(application: Application) -> Recovering:
    """Write to each store; return a client whose connection was lost."""
    found = application.injector.get
    await found(SessionStore).create(session("k", user="ada"))  # type: ignore[type-abstract]
    tokens = found(TokenStore)  # type: ignore[type-abstract]
    await tokens.add(record_of("a"), NOW)
    await tokens.revoke("access", 2 * NOW, NOW)
    task = next(iter(await found(Scheduler).entries())).task
    await found(Scheduler).add(task, every=3600)
    await found(TaskQueue).enqueue(found(Work).later)
    assert await found(Counts).take([(parse("1/year"), "key")]) == 0  # type: ignore[type-abstract]
    found(State).set("a", 1)
    await found(State).flush()
    await found(Broker).cacher.set("k", "v")
    await found(Channels).send("chat", "say", "hello")
    await found(Bus).publish("said", {"text": "hello"})
    async with recovering(application) as one:
        await found(Broadcaster).emit("news")
        await one.event()
        await one.hang_up(application)
    await engine_of(application).shutdown()  # returns when its state is in Redis
    return one


async def _seen_by(application: Application) -> dict[str, Any]:
    """Read each store."""
    found = application.injector.get
    sessions, tokens = found(SessionStore), found(TokenStore)  # type: ignore[type-abstract]
    stored = await sessions.load("id-k", NOW)
    record = await tokens.find("digest-a", NOW)
    return {
        "session": stored and stored.user,
        "ended": bool(await sessions.end_all("ada")),
        "refresh token": record and record.identifier,
        "access is revoked": await tokens.is_revoked("access", "ada", NOW),
        "schedules": len(await found(Scheduler).entries()),
        "limit is reached": await found(Counts).take([(parse("1/year"), "key")]) > 0,  # type: ignore[type-abstract]
        "state": found(State).get("a"),
        "cached": await found(Broker).cacher.get("k"),
        "events of channels": found(EventLog).ids.last,  # type: ignore[type-abstract]
        "processes": len(found(Link).others),  # type: ignore[type-abstract]
        "said": found(Work).said,
        "queued": len(await found(RedisTasks).take(10)),
    }


async def test_applications_of_one_redis_share_nothing_and_processes_of_one_share_all(
    start: StartSite, redis: RedisServer
) -> None:
    shop = await start("shop", redis.url)
    other_shop, blog = await start("shop", redis.url), await start("blog", redis.url)
    runners = [one.injector.get(Planner).is_runner for one in (shop, other_shop, blog)]

    lost = await _use(shop)
    work, log = other_shop.injector.get(Work), other_shop.injector.get(EventLog)  # type: ignore[type-abstract]
    await until(lambda: work.said and log.ids.last and other_shop.injector.get(State).get("a"))
    async with recovering(blog, pid=lost.pid, offset=lost.offset) as stranger:
        pass
    async with recovering(other_shop, pid=lost.pid, offset=lost.offset) as again:
        pass

    assert runners == [True, False, True]
    assert await _seen_by(blog) == NOTHING
    assert await _seen_by(other_shop) == {
        **{"session": "ada", "ended": True, "refresh token": "ada", "access is revoked": True},
        **{"schedules": 2, "limit is reached": True, "state": 1, "cached": "v"},
        **{"events of channels": 1, "processes": 1, "said": ["hello"], "queued": 1},
    }
    assert stranger.sid != lost.sid == again.sid


async def test_bundles_use_only_keys_and_channels_with_the_prefix(
    start: StartSite, redis: RedisServer
) -> None:
    """Redis denies all other keys and channels to the user, also within scripts."""
    rules = (ROOT / "docs/bundles/redis.md").read_text().split("needs by `")[1].split("`")[0]
    redis.command("ACL", "SETUSER", "shop", "on", ">pw", *rules.split())
    shop = await start("shop", redis.url.replace("//", "//shop:pw@"))
    outage = shop.injector.get(Outage)

    await _use(shop)
    async with Redis.from_url(redis.url) as client:
        keys = [_text(key) for key in await client.keys()]
        channels = [_text(channel) for channel in await client.pubsub_channels()]
        await _seen_by(shop)
        outage.report(Problem("it is full", is_write_only=True))
        await until(lambda: outage.problem is None)
        denied = await client.acl_log()

    assert denied == []
    assert [name for name in keys + channels if not name.startswith("shop:")] == []
    names = {name.removeprefix("shop:") for name in keys}
    assert {begin for begin in KEYS if not any(name.startswith(begin) for name in names)} == set()
    assert [name for name in names if not name.startswith(tuple(KEYS))] == []


@pytest.mark.parametrize("prefix", ["", "blog:"])
async def test_applications_of_one_port_with_the_same_keys_are_logged(
    caplog: pytest.LogCaptureFixture, prefix: str
) -> None:
    port = SharedPort(Settings(http=HttpSettings(host="127.0.0.1", port=0)))
    for name, own in (("shop", ""), ("blog", prefix)):
        settings = Settings(
            http=HttpSettings(allowed_hosts=(f"{name}.example",)),
            bundles={"redis": RedisSettings(url="redis://127.0.0.1:1", prefix=own)},
        )
        Application(bundles=[RedisBundle], settings=settings).share(port, name)

    async with port:
        pass

    begin = "the applications blog and shop have the same redis.url and the same redis.prefix"
    found = [one for one in caplog.messages if "redis.prefix" in one]
    assert [one.startswith(begin) for one in found] == ([] if prefix else [True])


def _text(name: bytes | str) -> str:
    return name if isinstance(name, str) else name.decode()


def test_modules_that_use_redis_make_their_keys_with_the_prefix() -> None:
    """`RedisSettings.key`, or the prefix of a link of the bus."""
    found = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "bundles").rglob("*.py")
        if file.parent.name != "redis" and "client: Redis" in (text := file.read_text())
        if not {"key", "prefix"}
        & {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    ]
    assert found == ["bundles/state/redis_store.py"]  # it gets its key


@pytest.mark.parametrize("prefix", ["a b", "{a}", "a" * 201, "a*:", "a>:", ".a:", "a..b:", "a\0:"])
def test_invalid_prefix_is_rejected(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        RedisSettings(prefix=prefix)


@pytest.mark.parametrize(
    ("name", "prefix"), [("shop", "shop:"), (".a*b..c>{d} e", "_a_b_.c__d__e:")]
)
def test_name_of_an_application_begins_a_channel(name: str, prefix: str) -> None:
    assert RedisSettings(prefix=_prefix_of("", name)).prefix == prefix
    check_topic(prefix)
