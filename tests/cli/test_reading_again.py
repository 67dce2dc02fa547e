"""What ``serve`` reads again, within one process; see also test_serve_hangup.py."""

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


async def test_level_of_the_log_of_serve_changes(level: logging.Logger) -> None:
    level.addHandler(LineHandler())
    event = changed_level("ERROR")

    await change_log_level(event)

    assert level.level == logging.ERROR
    assert not event.pending


async def test_level_of_handlers_of_the_application_stays(level: logging.Logger) -> None:
    before = level.level
    event = changed_level("ERROR")

    await change_log_level(event)

    assert level.level == before
    assert event.pending == {"logging.level"}


async def test_error_while_reading_is_logged_and_the_next_one_is_read(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    application = Application(settings=Settings(http=HttpSettings(port=0)))
    await application.start()
    asked = asyncio.Event()
    read: list[int] = []
    reading = asyncio.create_task(read_again_when(asked, [application], lambda: read.append(1)))

    asked.set()
    await until(lambda: "the settings are not changed" in caplog.text)
    assert "call application.load_settings() before boot" in caplog.text
    asked.set()
    await until(lambda: caplog.text.count("the settings are not changed") == 2)

    assert len(read) == 2

    reading.cancel()
    await asyncio.wait({reading})
    assert not application.dispatcher.has_listeners("application.settings")
    await application.stop()


async def test_error_of_certificates_does_not_keep_the_settings_from_being_read(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    application = Application(settings=Settings(http=HttpSettings(port=0)))
    await application.start()
    asked = asyncio.Event()

    def reload_certificates() -> None:
        raise MemoryError("no memory")

    reading = asyncio.create_task(read_again_when(asked, [application], reload_certificates))
    for times in (1, 2):
        asked.set()
        await until(lambda: caplog.text.count("the settings are not changed") == times)  # noqa: B023

    assert caplog.text.count("the TLS certificates were not reloaded") == 2
    reading.cancel()
    await asyncio.wait({reading})
    await application.stop()
