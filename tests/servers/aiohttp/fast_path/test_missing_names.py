"""An aiohttp without a name of the fast path: rxkernel boots, logs one warning and responds.

Each case is a process of its own, in which aiohttp is changed before rxkernel is imported.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, logging, sys
import aiohttp, aiohttp.web
{change}
from rxkernel import Application, HttpSettings, Settings, http

logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s", stream=sys.stdout)
for name in ("", "rxkernel"):
    logging.getLogger(name).addFilter(lambda record: not setattr(record, "exc_info", None))

class Home:
    @http("GET", "/", "home")
    async def home(self):
        return "home"

async def main():
    application = Application(controllers=[Home], settings=Settings(http=HttpSettings(port=0)))
    await application.start()
    async with aiohttp.ClientSession() as client:
        for _ in range(2):
            async with client.get(application.servers["http"].url) as response:
                print(response.status, await response.text())
    await application.stop()

asyncio.run(main())
"""

WARNING = "WARNING rxkernel.servers.aiohttp.fast_path.compatibility"


def output_of(change: str) -> list[str]:
    """The lines that the server logs and the client prints, without tracebacks."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(change=change)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(("WARN", "ERR", "200"))]


@pytest.mark.parametrize(
    "change",
    [
        "sys.modules['aiohttp.base_protocol'] = None; del aiohttp.base_protocol",
        "del aiohttp.base_protocol.BaseProtocol",
        "del aiohttp.http.HttpRequestParser",
        "del aiohttp.http.StreamWriter",
        "del aiohttp.web.UrlMappingMatchInfo",
        "del aiohttp.web.UrlMappingMatchInfo.add_app",
        "del aiohttp.web.RequestPayloadError",
    ],
)
def test_name_of_the_fast_path_missing_server_warns_once_and_responds(change: str) -> None:
    assert output_of(change) == [WARNING, "200 home", "200 home"]


def test_no_name_missing_server_does_not_warn() -> None:
    assert output_of("") == ["200 home", "200 home"]
