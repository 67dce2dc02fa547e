"""Live reload of the bundle autoload with ``serve``: beside ``--reload``, and in workers."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Start, Write
from tests.cli.processes import get, until

APPLICATION = """
import os

from bundles.autoload import AutoloadBundle, lib
from rxkernel import Application, http


class Values:
    @http("GET", "/value", "value")
    async def value(self, request):
        return [os.getpid(), {number}, lib.a.VALUE]


application = Application(
    bundles=["contracts", AutoloadBundle("application")], controllers=[Values]
)
"""


@pytest.fixture(autouse=True)
def value(project: Path) -> Path:
    """The file of the value."""
    path = project / "application" / "lib" / "a.py"
    path.parent.mkdir(parents=True)
    path.write_text("VALUE = 1")
    return path


def test_serve_with_reload_restarts_only_for_files_outside_of_the_root(
    start: Start, write: Write, value: Path
) -> None:
    name = write(APPLICATION.format(number=1))
    process = start("serve", name, "--port", "0", "--debug", "--reload")
    url = f"{process.url()}/value"
    pid, *first = get(url)
    assert first == [1, 1]

    value.write_text("VALUE = 2")
    until(lambda: get(url) == [pid, 1, 2])
    Path(f"{name}.py").write_text(APPLICATION.format(number=2))
    process.url(number=2)
    after, *second = get(url)
    assert (after != pid, second) == (True, [2, 2])
    value.write_text("VALUE = 3")
    until(lambda: get(url) == [after, 2, 3])

    process.send(signal.SIGINT)
    assert process.code() == 0
    assert sum("changed: restarting" in line for line in process.stderr) == 1


def test_serve_with_reload_starts_again_when_a_file_of_the_root_is_fixed(
    start: Start, write: Write, value: Path
) -> None:
    value.write_text("VALUE = (")
    process = start(
        "serve", write(APPLICATION.format(number=1)), "--port", "0", "--debug", "--reload"
    )
    process.line("the server ended with code 2; restarting after the next change")

    value.write_text("VALUE = 5")

    assert get(f"{process.url()}/value")[1:] == [1, 5]
    process.send(signal.SIGINT)
    assert process.code() == 0


def test_serve_with_reload_but_without_debug_restarts(
    start: Start, write: Write, value: Path
) -> None:
    process = start("serve", write(APPLICATION.format(number=1)), "--port", "0", "--reload")
    process.url()

    value.write_text("VALUE = 2")

    assert get(f"{process.url(number=2)}/value")[1:] == [1, 2]
    process.send(signal.SIGINT)
    assert process.code() == 0


def test_each_worker_loads_changes(
    start: Start, write: Write, value: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RXKERNEL_SOCKETIO_ENABLED", "false")
    monkeypatch.setenv("RXKERNEL_AUTOLOAD_RELOAD", "true")
    process = start("serve", write(APPLICATION.format(number=1)), "--port", "0", "--workers", "2")
    url = f"{process.url()}/value"
    seen: dict[int, Any] = {}

    def both_have(number: int) -> bool:
        pid, _, found = get(url)
        seen[pid] = found
        return [*seen.values()] == [number, number]

    until(lambda: both_have(1))
    value.write_text("VALUE = 2")
    until(lambda: both_have(2))

    process.send(signal.SIGTERM)
    assert process.code() == 0
    assert len(seen) == 2
