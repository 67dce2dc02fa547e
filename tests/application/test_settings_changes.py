"""Settings that are read again while the application runs."""

import logging
from pathlib import Path

import attrs
import pytest

from rxkernel import (
    Application,
    ApplicationEvents,
    Bundle,
    ConfigurationError,
    RxKernelError,
    Settings,
    SettingsChangedEvent,
    observe,
)

LOGGER = "rxkernel.application.settings_changes"


@attrs.frozen(kw_only=True)
class MailSettings:
    host: str
    port: int = 25


@attrs.frozen(kw_only=True)
class ShopSettings:
    rate: int = 1
    mail: MailSettings | None = None
    password: str = attrs.field(default="", repr=False, metadata={"secret": True})


@attrs.frozen(kw_only=True)
class OwnSettings:
    title: str = "old"


class Shop(Bundle):
    name = "shop"
    settings_class = ShopSettings


class Changes:
    """Applies the rate of the shop only."""

    def __init__(self) -> None:
        self.events: list[SettingsChangedEvent] = []

    @observe(ApplicationEvents.SETTINGS)
    async def changed(self, event: SettingsChangedEvent) -> None:
        self.events.append(event)
        if event.has_changed("shop.rate"):
            event.applied("shop.rate")


class Project:
    """An application whose settings are in a file that a test writes."""

    def __init__(self, directory: Path) -> None:
        self.changes = Changes()
        self.file = directory / "rxkernel.toml"
        self.application = Application(
            bundles=[Shop], listeners=[self.changes], settings_class=OwnSettings
        )

    async def boot(self, text: str = "") -> Application:
        self.file.write_text(text)
        self.application.load_settings({"threads": 3})
        await self.application.boot()
        return self.application


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


async def test_changed_setting_is_applied_by_a_listener_or_needs_a_restart(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    application = await project.boot("[http]\nport = 8001\n")
    project.file.write_text(
        "debug = true\n[http]\nport = 8002\n[shop]\nrate = 2\npassword = 's3cret'\n"
        "[app]\ntitle = 'new'\n"
    )

    with caplog.at_level(logging.INFO, logger=LOGGER):
        event = await application.reload_settings()

    pending = {"debug", "http.port", "shop.password", "app.title"}
    assert event.changed == {*pending, "shop.rate"}
    assert event.pending == pending
    assert event.settings.bundles["shop"] == ShopSettings(rate=2, password="s3cret")
    assert event.settings.threads == 3
    assert [record.getMessage() for record in caplog.records] == [
        "the settings were read again: shop.rate",
        "changed settings that need a restart: app.title, debug, http.port, shop.password",
    ]
    assert "s3cret" not in caplog.text
    assert application.settings.http.port == 8001
    await application.stop()


async def test_setting_that_needs_a_restart_is_logged_until_it_is_undone(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    application = await project.boot()
    project.file.write_text("debug = true\n[shop]\nrate = 2\n")
    await application.reload_settings()

    again = await application.reload_settings()
    caplog.clear()
    project.file.write_text("[shop]\nrate = 2\n")
    with caplog.at_level(logging.INFO, logger=LOGGER):
        undone = await application.reload_settings()

    assert again.changed == {"debug"}
    assert undone.changed == set()
    assert caplog.messages == ["the settings were read again: no changes"]
    await application.stop()


async def test_invalid_settings_change_nothing_and_report_all_problems(project: Project) -> None:
    application = await project.boot()
    project.file.write_text("debug = 1\n[shop]\nrate = 'x'\ncolour = 1\n")

    with pytest.raises(ConfigurationError) as caught:
        await application.reload_settings()

    assert len(caught.value.problems) == 3
    assert not project.changes.events
    project.file.write_text("[shop]\nrate = 5\n")
    assert (await application.reload_settings()).changed == {"shop.rate"}
    await application.stop()


async def test_settings_table_that_is_added_is_applied(project: Project) -> None:
    application = await project.boot()
    project.file.write_text("[shop.mail]\nhost = 'mail.example'\n")

    event = await application.reload_settings()

    assert event.has_changed("shop.mail")
    assert not event.has_changed("shop.rate")
    assert not event.has_changed("sho")
    assert event.pending >= {"shop.mail.host", "shop.mail.port"}
    await application.stop()


async def test_settings_table_that_is_removed_is_applied_as_a_whole(project: Project) -> None:
    application = await project.boot("[shop.mail]\nhost = 'mail.example'\n")
    project.file.write_text("")

    async def apply(event: SettingsChangedEvent) -> None:
        event.applied("shop.mail")

    application.dispatcher.add_listener(ApplicationEvents.SETTINGS, apply)
    first = await application.reload_settings()

    assert first.changed
    assert not first.pending
    assert not (await application.reload_settings()).changed
    await application.stop()


async def test_settings_listener_that_fails_does_not_stop_the_others(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    application = await project.boot()

    async def fail(event: SettingsChangedEvent) -> None:
        raise RuntimeError("no")

    application.dispatcher.add_listener(ApplicationEvents.SETTINGS, fail, priority=10)
    project.file.write_text("[shop]\nrate = 2\n")

    event = await application.reload_settings()

    assert not event.pending
    assert "application.settings failed" in caplog.text
    await application.stop()


async def test_reload_settings_without_sources_or_boot_raises_error(project: Project) -> None:
    given = Application(settings=Settings())
    await given.boot()
    with pytest.raises(RxKernelError, match=r"call application\.load_settings\(\) before boot"):
        await given.reload_settings()
    assert given.settings_files == ()
    await given.stop()

    project.application.load_settings()
    with pytest.raises(RxKernelError, match="not booted"):
        await project.application.reload_settings()
    assert [file.name for file in project.application.settings_files] == [
        "rxkernel.toml",
        "pyproject.toml",
    ]


async def test_reload_settings_in_its_listener_raises_error(project: Project) -> None:
    application = await project.boot()
    errors: list[str] = []

    async def again(event: SettingsChangedEvent) -> None:
        try:
            await application.reload_settings()
        except RxKernelError as exc:
            errors.append(str(exc))

    application.dispatcher.add_listener(ApplicationEvents.SETTINGS, again)
    await application.reload_settings()

    assert "called from within reload_settings() itself" in errors[0]
    await application.stop()
