"""The file of a state at its end."""

import asyncio
import threading
from pathlib import Path

import pytest

from bundles.state import State, memory_log
from bundles.state.state_file import write
from tests.bundles.state.conftest import application_on
from tests.waiting import until


async def test_write_that_fails_while_the_state_ends_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, may_fail = threading.Event(), threading.Event()
    calls = 0

    def failing(file: Path, data: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            begun.set()
            may_fail.wait(5)
            raise OSError(28, "No space left on device")
        write(file, data)

    monkeypatch.setattr(memory_log, "write", failing)
    file = tmp_path / "state.json"
    async with application_on(None, file=file) as application:
        application.injector.get(State).set("n", 5)
        await until(begun.is_set)
        asyncio.get_running_loop().call_later(0.1, may_fail.set)
    assert file.exists() or "changes of the state are lost" in caplog.text
