"""The bundle `redis`, with Debian's redis-server: killed, paused, full and protected.

H10 to H12 of the table of faults: no call hangs, an outage is logged once, and the error is clear.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
from injector import inject

from bundles.redis import Redis, RedisSettings
from bundles.redis.outage import Outage
from rxkernel import (
    Application,
    ConfigurationError,
    ConnectionEvent,
    ConnectionRefusedException,
    HttpSettings,
    KernelClient,
    Response,
    ServerEvents,
    ServerStartError,
    Settings,
    both,
    observe,
)
from rxkernel.application.settings_sources import load_settings
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.ports import reserved_port
from tests.waiting import until

LOGGER = "bundles.redis.outage"
REFUSED = {"statusCode": 503, "message": "Service Unavailable", "code": "redis_unavailable"}
TIMEOUTS = {"connect_timeout": 0.5, "command_timeout": 0.5}


LOCAL = Settings(http=HttpSettings(host="127.0.0.1", port=0))


class Counter:
    @inject
    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    @both("POST", "/count", "count")
    async def count(self) -> int:
        counted: int = await self.redis.incr("count")
        return counted

    @both("GET", "/count", "read")
    async def read(self) -> bool:
        return await self.redis.get("count") is not None

    @both("POST", "/wrong", "wrong")
    async def wrong(self) -> None:
        await self.redis.set("text", "x")
        await self.redis.incr("text")

    @both("POST", "/slow", "slow")
    async def slow(self) -> None:
        await asyncio.gather(*(self.redis.incr("count") for _ in range(100)))


class Watcher:
    """Reads Redis when a client connects."""

    @inject
    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    @observe(ServerEvents.CONNECTED)
    async def connect(self, event: ConnectionEvent) -> None:
        await self.redis.get("count")


@asynccontextmanager
async def client_with(url: str, **settings: float) -> AsyncIterator[KernelClient]:
    own = RedisSettings(url=url, **settings)  # type: ignore[arg-type]
    application = Application(
        bundles=["redis"],
        controllers=[Counter],
        settings=Settings(health=True, bundles={"redis": own}),
    )
    async with KernelClient(application) as client:
        yield client


async def both_ways(client: KernelClient, name: str) -> list[Response]:
    return [await client.http(name), await client.websocket(name)]


def logged(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == LOGGER and record.levelno >= level
    ]


async def test_redis_client_is_shared_over_both_transports(redis: RedisServer) -> None:
    async with client_with(redis.url) as client:
        responses = await both_ways(client, "count")
        ready = await client.http("readyz")

    assert [response.content for response in responses] == [1, 2]
    assert ready.content["errors"] == [{"name": "servers"}]  # a KernelClient starts none


async def test_redis_down_at_boot_is_503_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Boot does not need Redis: an orchestrator may start both at the same time."""
    caplog.set_level(logging.INFO)
    with reserved_port() as port:
        async with client_with(f"redis://user:secret@127.0.0.1:{port}/0") as client:
            responses = [one for _ in range(3) for one in await both_ways(client, "count")]
            ready = await client.http("readyz")

    assert [response.status_code for response in responses] == [503] * 6
    assert {str(response.content) for response in responses} == {str(REFUSED)}
    (line,) = logged(caplog)
    assert line.startswith(f"Redis cannot be used: Error 111 connecting to 127.0.0.1:{port}")
    assert {"name": "redis"} in ready.content["errors"]
    assert "secret" not in caplog.text


async def test_redis_killed_and_restarted_in_use_is_used_again(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with client_with(redis.url) as client:
        await both_ways(client, "count")
        redis.kill()
        down = [one for _ in range(3) for one in await both_ways(client, "count")]
        redis.start()
        await until(lambda: len(logged(caplog)) == 2)
        again = await both_ways(client, "count")

    assert {response.status_code for response in down} == {503}
    assert [response.content for response in again] == [1, 2]
    first, last = logged(caplog)
    assert first.startswith("Redis cannot be used: ")
    assert last.startswith("Redis can be used again, after ")


async def test_redis_restarted_between_two_commands_is_not_noticed(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The connections of the pool are closed; the command is sent on a new one."""
    caplog.set_level(logging.INFO)
    async with client_with(redis.url) as client:
        await client.http("slow")
        redis.kill()
        redis.start()
        responses = [one for _ in range(20) for one in await both_ways(client, "count")]

    assert [response.content for response in responses] == list(range(1, 41))
    assert logged(caplog) == []


async def test_redis_paused_is_503_within_the_timeouts(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The process of the server is stopped. Connections are still accepted."""
    caplog.set_level(logging.INFO)
    async with client_with(redis.url, pool_size=2, **TIMEOUTS) as client:
        await both_ways(client, "count")
        with redis.paused():
            calls = (client.http("count") for _ in range(20))
            async with asyncio.timeout(20):
                responses = await asyncio.gather(*calls)
        await until(lambda: len(logged(caplog)) == 2)
        again = await both_ways(client, "read")

    assert {response.status_code for response in responses} == {503}
    assert [response.status_code for response in again] == [200, 200]


async def test_redis_connection_refused_to_client_while_down(redis: RedisServer) -> None:
    settings = Settings(bundles={"redis": RedisSettings(url=redis.url)})
    application = Application(
        bundles=["redis"], controllers=[Counter], listeners=[Watcher], settings=settings
    )
    async with KernelClient(application) as client:
        redis.kill()
        with pytest.raises(ConnectionRefusedException) as refused:
            await client.connection().connect()

    assert refused.value.response.content == REFUSED


async def test_redis_wrong_password_is_503_and_logged(
    redis_server: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis(redis_server, tmp_path, "--requirepass", "right") as server:
        url = f"redis://:wrong-secret@127.0.0.1:{server.port}/0"
        async with client_with(url) as client:
            responses = await both_ways(client, "count")

    assert [response.status_code for response in responses] == [503, 503]
    (line,) = logged(caplog)
    assert "it rejects the user or the password in redis.url" in line
    assert "wrong-secret" not in caplog.text


@pytest.mark.parametrize(
    ("place", "acl", "reason"),
    [
        ("nobody:wrong@{}/0", (), "it rejects the user or the password in redis.url"),
        ("{}/99", (), "it does not have the database in redis.url"),
        (
            "mute:secret@{}/0",
            ("mute", "on", ">secret", "+select"),
            "the user in redis.url may not execute a command",
        ),
    ],
    ids=["password", "database", "permission"],
)
async def test_redis_that_rejects_the_url_ends_the_start(
    redis: RedisServer, place: str, acl: tuple[str, ...], reason: str
) -> None:
    if acl:
        redis.command("ACL", "SETUSER", *acl)
    url = f"redis://{place.format(f'127.0.0.1:{redis.port}')}"
    settings = attrs.evolve(LOCAL, bundles={"redis": RedisSettings(url=url)})
    application = Application(bundles=["redis"], controllers=[Counter], settings=settings)

    with pytest.raises(ServerStartError, match=reason):
        await application.start()


async def test_application_starts_without_redis() -> None:
    with reserved_port() as port:
        url = f"redis://127.0.0.1:{port}"
        settings = attrs.evolve(LOCAL, bundles={"redis": RedisSettings(url=url)})
        application = Application(bundles=["redis"], controllers=[Counter], settings=settings)

        await application.start()
        await application.stop()


@pytest.mark.parametrize(
    ("break_it", "undo", "reason"),
    [
        (
            ("CONFIG", "SET", "maxmemory", "1"),
            ("CONFIG", "SET", "maxmemory", "0"),
            "its memory is full",
        ),
        (
            ("REPLICAOF", "127.0.0.1", "1"),
            ("REPLICAOF", "NO", "ONE"),
            "it is a read-only replica; redis.url must name its primary",
        ),
    ],
)
async def test_redis_that_rejects_writes_is_503_until_it_accepts_one(
    redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
    break_it: tuple[str, ...],
    undo: tuple[str, ...],
    reason: str,
) -> None:
    """Redis still replies to PING, so only a write shows that the outage has ended."""
    caplog.set_level(logging.INFO)
    async with client_with(redis.url) as client:
        await both_ways(client, "count")
        assert redis.command(*break_it) == "+OK"
        responses = await both_ways(client, "count")
        reads = await both_ways(client, "read")
        assert [line for line in logged(caplog) if reason in line] == logged(caplog)
        assert redis.command(*undo) == "+OK"
        await until(lambda: len(logged(caplog)) == 2)
        again = await client.http("count")

    assert [response.status_code for response in responses] == [503, 503]
    assert [response.content for response in reads] == [True, True]
    assert again.content == 3


async def test_redis_command_that_the_user_may_not_execute_is_logged_once(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The user may send PING. A probe by PING would end the outage, and the next call would begin
    one."""
    redis.command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+ping", "+get", "+select")
    async with client_with(redis.url.replace("://", "://reader:secret@")) as client:
        outage = client.application.injector.get(Outage)
        for _ in range(3):
            response = await client.http("count")
            assert (response.status_code, response.content) == (503, REFUSED)
            await until(lambda: outage.problem is None)
        assert (await client.http("read")).status_code == 200

    (text,) = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert "the user in redis.url may not execute a command" in text
    assert "incr" in text


async def test_redis_wrong_command_is_500(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A value of another type is a bug of the application, or belongs to another application."""
    async with client_with(redis.url) as client:
        responses = await both_ways(client, "wrong")

    assert [response.status_code for response in responses] == [500, 500]
    assert "value is not an integer" in caplog.text
    assert logged(caplog) == []


async def test_redis_pool_in_use_is_waited_for(redis: RedisServer) -> None:
    async with client_with(redis.url, pool_size=2) as client:
        assert (await client.http("slow")).status_code == 200
        info = await client.application.injector.get(Redis).info("clients")

    assert info["connected_clients"] <= 2


async def test_redis_connections_are_closed_at_shutdown(redis: RedisServer) -> None:
    async with client_with(redis.url) as client:
        await client.http("slow")

    async with Redis.from_url(redis.url) as other:
        assert (await other.info("clients"))["connected_clients"] == 1


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: RedisSettings(url="http://user:secret@host"), "url must be redis://host:port"),
        (lambda: RedisSettings(url="redis://user:sec:ret@host:x/0"), "url must be redis://host"),
        (lambda: RedisSettings(pool_size=0), "pool_size"),
        (lambda: RedisSettings(command_timeout=0), "command_timeout"),
    ],
)
def test_redis_settings_invalid_raise(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as raised:
        make()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://user:p%23@host:1/3",
        "redis://[::1]?db=2",
        "rediss://host/0?ssl_ca_certs=/ca.pem&ssl_check_hostname=false",
        "unix://user:secret@/redis.sock?db=3&client_name=shop",
    ],
    ids=["short", "database", "option", "tls", "unix"],
)
def test_redis_url_is_valid(url: str) -> None:
    assert RedisSettings(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://host/shop",
        "redis://host/1/2",
        "redis://host/-1",
        "redis://host/1_0",
        "redis://host:0/1",
        "redis://host/1?db=2",
        "redis://host?db=1&db=2",
        "redis://host?db=",
        "redis://host/0?socket_timeout=3",
        "redis://host/0?nonsense=1",
        "redis://host/0?ssl_ca_certs=ca.pem",
        "rediss://host/0?ssl_cert=ca.pem",
        "rediss://host/0?ssl_cert_reqs=maybe",
        "redis://:se#cret@host/0",
        "redis://:se?cret@host/0",
        "unix://run/redis.sock",
        "unix://",
    ],
    ids=str,
)
def test_redis_url_of_which_redis_py_ignores_a_part_raises_error(url: str) -> None:
    """`redis.connection.parse_url`: database 0 for ``/shop``, 12 for ``/1/2``. An unknown option
    is a TypeError of the first command."""
    with pytest.raises(ValueError, match="where the database is a number"):
        RedisSettings(url=url)


def test_redis_url_is_not_shown(tmp_path: Path) -> None:
    sections = {"redis": RedisSettings}
    given = {"RXKERNEL_REDIS_URL": "redis://user:hunter2@host:1/0"}
    settings = load_settings(directory=tmp_path, environment=given, sections=sections)

    assert "hunter2" not in repr(settings)
    with pytest.raises(ConfigurationError) as raised:
        load_settings(
            directory=tmp_path,
            environment={"RXKERNEL_REDIS_URL": "redis://user:hunter2@host:port/0"},
            sections=sections,
        )
    assert "must be redis://host" in str(raised.value)
    assert "hunter2" not in str(raised.value)
