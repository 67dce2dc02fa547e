"""What ``serve`` reads again after SIGHUP, in this process; see also test_serve_hangup.py."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from rxkernel import Application, HttpSettings, Settings, SettingsChangedEvent
from rxkernel.cli.logs import LineHandler
from rxkernel.cli.reading_again import change_log_level, read_again_when
from tests.waiting import until


@pytest.fixture
def level() -> Iterator[logging.Logger]:
    """The root logger, whose level and handlers are restored."""
    root = logging.getLogger()
    before, handlers = root.level, tuple(root.handlers)
    yield root
    root.setLevel(before)
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)


def changed_level(name: str) -> SettingsChangedEvent:
    settings = Settings()
    object.__setattr__(settings.logging, "level", name)
    return SettingsChangedEvent(settings, frozenset({"logging.level"}))


async def test_log_level_with_handler_of_serve_changes(level: logging.Logger) -> None:
    level.addHandler(LineHandler())
    event = changed_level("ERROR")

    await change_log_level(event)

    assert level.level == logging.ERROR
    assert not event.pending


async def test_log_level_with_handlers_of_the_application_needs_a_restart(
    level: logging.Logger,
) -> None:
    before = level.level
    event = changed_level("ERROR")

    await change_log_level(event)

    assert level.level == before
    assert event.pending == {"logging.level"}


async def test_error_while_reading_is_logged_and_the_next_sighup_reads_again(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    application = Application(settings=Settings(http=HttpSettings(port=0)))
    await application.start()
    requested = asyncio.Event()
    read: list[int] = []
    reading = asyncio.create_task(
        read_again_when(requested, [application], lambda: read.append(1))
    )

    requested.set()
    await until(lambda: "the settings are not changed" in caplog.text)
    assert "call application.load_settings() before boot" in caplog.text
    requested.set()
    await until(lambda: caplog.text.count("the settings are not changed") == 2)

    assert len(read) == 2

    reading.cancel()
    await asyncio.wait({reading})
    assert not application.dispatcher.has_listeners("application.settings")
    await application.stop()


async def test_error_of_certificates_does_not_prevent_reading_the_settings(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    application = Application(settings=Settings(http=HttpSettings(port=0)))
    await application.start()
    requested = asyncio.Event()

    def reload_certificates() -> None:
        raise MemoryError("no memory")

    reading = asyncio.create_task(read_again_when(requested, [application], reload_certificates))
    for times in (1, 2):
        requested.set()
        await until(lambda: caplog.text.count("the settings are not changed") == times)  # noqa: B023

    assert caplog.text.count("the TLS certificates were not reloaded") == 2
    reading.cancel()
    await asyncio.wait({reading})
    await application.stop()
