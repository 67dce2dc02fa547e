"""``rxkernel emit``."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rxkernel.cli import main
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import SiteOf
from tests.bundles.scale.process import SECRET
from tests.project_folder import enter_project
from tests.servers.socketio_clients import raw_socket

APP = """\
from rxkernel import Application

application = Application(bundles=["redis", "scale"])
"""
OTHER_SECRET = "x" * 32
SETTINGS = """\
[redis]
url = "{url}"
prefix = "shell:"
[scale]
bus = "{bus}"
secret = "{secret}"
heartbeat_interval = 0.05
heartbeat_timeout = 0.2
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    enter_project(tmp_path, monkeypatch)
    (tmp_path / "site_with_bus.py").write_text(APP)
    yield tmp_path
    sys.modules.pop("site_with_bus", None)


def emit(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["--app", "site_with_bus", "emit", *arguments])


async def test_emit_command_reaches_clients_of_running_processes(
    site_of: SiteOf, shared_redis: RedisServer, project: Path
) -> None:
    text = SETTINGS.format(url=shared_redis.url, bus="redis", secret=SECRET)
    (project / "rxkernel.toml").write_text(text)
    site = await site_of(shared_redis, redis_prefix="shell:")

    async with raw_socket(site.application) as client:
        (one,) = await site.broadcaster.connections()
        results = [
            await asyncio.to_thread(emit, *arguments)
            for arguments in (
                ["others", "--room", "none"],
                ["news", '{"title":"Tea"}', "1", "--room", one.id, "--room", "none"],
            )
        ]
        assert [(result.output, result.exit_code) for result in results] == [("", 0)] * 2
        assert await client.receive() == '42["news",{"title":"Tea"},1]'


@pytest.mark.parametrize(
    ("bus", "argument", "message"),
    [
        ("redis", "1", "the event was not sent: no connection to redis://127.0.0.1:1"),
        ("redis", "Tea", "'Tea' is not JSON"),
        ("memory", "1", 'scale.bus is "memory"'),
    ],
    ids=["no-redis", "no-json", "memory"],
)
def test_emit_command_that_cannot_send_fails(
    project: Path, bus: str, argument: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = SETTINGS.format(url="redis://127.0.0.1:1", bus=bus, secret=SECRET)
    (project / "rxkernel.toml").write_text(text)

    result = emit("news", argument)

    assert result.exit_code == 1
    assert message in result.output
    assert "trying to reconnect" not in caplog.text


async def test_emit_command_without_a_running_process_fails(
    site_of: SiteOf, shared_redis: RedisServer, project: Path
) -> None:
    settings = project / "rxkernel.toml"
    settings.write_text(SETTINGS.format(url=shared_redis.url, bus="redis", secret=SECRET))

    result = await asyncio.to_thread(emit, "news")
    assert (result.exit_code, result.output) == (
        1,
        "Error: the event was not sent: no running process replied within 0.2 s\n",
    )

    await site_of(shared_redis, redis_prefix="shell:", scale={"heartbeat_interval": 0.05})
    settings.write_text(SETTINGS.format(url=shared_redis.url, bus="redis", secret=OTHER_SECRET))
    result = await asyncio.to_thread(emit, "news")
    assert result.exit_code == 1
    assert "scale.secret must be the same in all processes" in result.output
