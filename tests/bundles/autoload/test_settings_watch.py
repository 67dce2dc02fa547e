"""The files of the settings are read again when they have changed."""

from pathlib import Path

import pytest

from bundles.autoload.reload.settings_watch import SettingsWatch
from rxkernel import Application
from tests.waiting import until


async def test_error_of_one_reading_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    application = Application()
    application.load_settings()
    watch = SettingsWatch(application)
    watch.start()
    watch.start()  # it watches already

    (tmp_path / "rxkernel.toml").write_text("debug = true\n")
    await until(lambda: "the application is not booted" in caplog.text)
    (tmp_path / "rxkernel.toml").write_text("debug = false\n")
    await until(lambda: caplog.text.count("the application is not booted") == 2)

    await watch.stop()
    await watch.stop()


async def test_application_without_files_is_not_watched() -> None:
    watch = SettingsWatch(Application())

    watch.start()

    assert watch._task is None
    await watch.stop()
