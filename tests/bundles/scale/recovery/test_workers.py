"""Recovery behind `serve --workers 2`, with the `socket.io-client` of npm."""

import sys
from pathlib import Path

import pytest

from tests.bundles.redis_servers import running_redis
from tests.cli.processes import Process
from tests.node_scripts import report_of
from tests.required_tools import ROOT

pytestmark = pytest.mark.node

SCRIPT = ROOT / "tests" / "clients" / "recovery_workers.mjs"

SITE = """
from typing import Annotated

from rxkernel import Application, Broadcaster, Inject, Request, websocket


class Talk:
    @websocket("say")
    async def say(self, request: Request, broadcaster: Annotated[Broadcaster, Inject()]) -> None:
        await broadcaster.emit("said", request.body)

    @websocket("finish")
    async def finish(self, broadcaster: Annotated[Broadcaster, Inject()]) -> None:
        await broadcaster.emit("last")


application = Application(bundles=["redis", "scale"], controllers=[Talk])
"""

SETTINGS = """
[redis]
url = "{url}"

[scale]
bus = "redis"
recovery.store = "redis"
secret = "the secret of the workers of this test"
"""


async def test_client_recovers_in_any_worker_with_each_event_once(
    node: Path, redis_server: Path, tmp_path: Path
) -> None:
    with running_redis(redis_server, tmp_path) as redis:
        (tmp_path / "site_of_workers.py").write_text(SITE)
        (tmp_path / "rxkernel.toml").write_text(SETTINGS.format(url=redis.url))
        command = (*("-m", "rxkernel", "serve", "site_of_workers:application"), "--port", "0")
        process = Process(
            ["env", f"PYTHONPATH={ROOT}", sys.executable, *command, "--workers", "2"], tmp_path
        )
        try:
            process.line("^Listening on ")
            result = await report_of(node, SCRIPT, process.url(), "websocket", patience=30)
        finally:
            process.kill()

    assert result == {"workers": 2, "recovered": [True] * 10, "said": list(range(10))}
