"""The settings of several applications in one file."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from rxkernel import Application, Bundle, ConfigurationError, HttpSettings, Settings
from rxkernel.application.shared_settings import load_shared_settings
from rxkernel.cli.shared_applications import SharedApplications


@attrs.frozen(kw_only=True)
class MailSettings:
    server: str = "localhost"
    port: int = 25


class MailBundle(Bundle):
    name = "mail"
    settings_class = MailSettings


@attrs.frozen(kw_only=True)
class ShopSettings:
    currency: str = "EUR"


def load(
    folder: Path, text: str, environment: Mapping[str, str] = {}, **overrides: object
) -> tuple[Settings, Application, Application]:
    (folder / "rxkernel.toml").write_text(text)
    code = Settings(http=HttpSettings(port=9, body_limit=5))
    shop = Application(bundles=[MailBundle], settings_class=ShopSettings, settings=code)
    blog = Application()
    common = load_shared_settings(
        {"shop": shop, "blog.main": blog},
        directory=folder,
        environment=environment,
        overrides=overrides,
    )
    return common, shop, blog


def test_file_applies_to_all_and_table_to_its_application(tmp_path: Path) -> None:
    common, shop, blog = load(
        tmp_path,
        """
        [http]
        port = 8100
        compression = true
        [mail]
        server = "mail.example"
        [app]
        currency = "CHF"
        [applications.shop.http]
        allowed_hosts = ["shop.example"]
        compression = false
        [applications.shop.mail]
        port = 26
        [applications."blog.main"]
        debug = true
        [applications."blog.main".logging]
        access = true
        """,
    )

    assert common.http.port == 8100
    assert (shop.settings.http.allowed_hosts, blog.settings.http.allowed_hosts) == (
        ("shop.example",),
        (),
    )
    assert (shop.settings.http.compression, blog.settings.http.compression) == (False, True)
    assert shop.settings.http.body_limit == 5
    assert shop.settings.bundles["mail"] == MailSettings(server="mail.example", port=26)
    assert shop.settings.app == ShopSettings(currency="CHF")
    assert (shop.settings.debug, blog.settings.debug) == (False, True)
    assert (common.logging.access, blog.settings.logging.access) == (False, True)


def test_environment_and_options_apply_to_all_and_replace_tables(tmp_path: Path) -> None:
    common, shop, blog = load(
        tmp_path,
        "[applications.shop]\nthreads = 2\n",
        {"RXKERNEL_THREADS": "3", "RXKERNEL_MAIL_PORT": "27"},
        debug=True,
    )

    assert [some.threads for some in (common, shop.settings, blog.settings)] == [3, 3, 3]
    assert shop.settings.debug
    assert blog.settings.debug
    assert shop.settings.bundles["mail"] == MailSettings(port=27)


def test_every_invalid_setting_is_reported_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(
            tmp_path,
            """
            threads = 0
            [mial]
            port = 1
            [mail]
            port = "x"
            [applications.shop.http]
            port = 1
            tls = {}
            [applications.shop.logging]
            level = "DEBUG"
            [applications."blog.main"]
            thread = 1
            [applications.shpo]
            [applications.unlike]
            """,
            {"RXKERNEL_MIAL_PORT": "1"},
        )

    where = tmp_path / "rxkernel.toml"
    table = f"from {where} [applications.shop]: applies to all applications that are served"
    assert caught.value.problems == (
        "applications.shpo: no such application is served; did you mean shop?",
        "applications.unlike: no such application is served; there are shop, blog.main",
        f"mial from {where}: no such setting (those of a bundle exist when it is enabled); did "
        f"you mean mail?",
        "RXKERNEL_MIAL_PORT: no such setting; did you mean RXKERNEL_MAIL_PORT?",
        f"threads from {where}: got 0, must be a whole number, 1 or more",
        f"shop: mail.port from {where}: got 'x', must be of type int",
        f"shop: http.port {table} together; write it in [http]",
        f"shop: http.tls {table} together; write it in [http]",
        f"shop: logging.level {table} together; write it in [logging]",
        f"blog.main: thread from {where} [applications.blog.main]: no such setting (those of a "
        f"bundle exist when it is enabled); did you mean threads?",
    )


@pytest.mark.parametrize("text", ["applications = 1", "[applications]\nshop = 1"])
def test_applications_without_tables_are_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="must have a table for each application"):
        load(tmp_path, text)


def test_application_loaded_alone_reads_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``rxkernel routes`` loads it; other sections may belong to other applications."""
    (tmp_path / "rxkernel.toml").write_text(
        """
        [mail]
        port = 1
        [applications.shop]
        threads = 1
        [applications.blog]
        threads = 2
        """
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RXKERNEL_MAIL_SERVER", "m")
    blog, nameless = Application(), Application()

    blog.load_settings(name="blog")
    nameless.load_settings()

    assert (blog.settings.threads, nameless.settings.threads) == (2, 8)


@attrs.frozen(kw_only=True)
class KeySettings:
    key: str = attrs.field(default="var/key.pem", metadata={"per_application": True})


@attrs.frozen(kw_only=True)
class StoreSettings:
    file: Path = attrs.field(default=Path("store.sqlite3"), metadata={"per_application": True})
    backup: Path = attrs.field(default=Path("old.sqlite3"), metadata={"per_application": True})
    copy: str | None = attrs.field(default=None, metadata={"per_application": True})
    keys: KeySettings = attrs.field(factory=KeySettings)


class StoreBundle(Bundle):
    name = "store"
    settings_class = StoreSettings


def test_files_that_cannot_be_shared_are_named_after_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rxkernel.toml").write_text(
        """
        [store]
        backup = "backup.sqlite3"
        [applications.shop.http]
        allowed_hosts = ["shop.example"]
        """
    )
    application = Application(bundles=[StoreBundle])

    application.load_settings(name="shop")

    assert application.settings.bundles["store"] == StoreSettings(
        file=Path("shop/store.sqlite3"),
        backup=Path("backup.sqlite3"),
        copy=None,
        keys=KeySettings(key="var/shop/key.pem"),
    )


def test_files_of_an_application_without_others_keep_their_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    application = Application(bundles=[StoreBundle])

    application.load_settings(name="shop")

    assert application.settings.bundles["store"] == StoreSettings()


async def test_setting_removed_from_its_table_has_its_default_after_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "rxkernel.toml"
    hosts = "[http]\nport = 0\n[applications.first_of_two.http]\nallowed_hosts = ['a.example']\n"
    file.write_text(f"{hosts}body_limit = 5\n")
    for name in ("first_of_two", "second_of_two"):
        text = "from rxkernel import Application\n\napplication = Application()\n"
        (tmp_path / f"{name}.py").write_text(text)
    both = SharedApplications.load(["first_of_two:application", "second_of_two:application"], {})
    first = both.by_name["first_of_two"]
    await both.start()
    try:
        file.write_text(hosts)
        event = await first.reload_settings()
    finally:
        await both.stop()
    assert event.changed == {"http.body_limit"}


async def test_log_level_of_process_after_reload_ignores_levels_of_applications(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log levels in the code of applications are ignored, at boot and later."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    hosts = "[http]\nport = 0\n[applications.loud_of_two.http]\nallowed_hosts = ['a.example']\n"
    file = tmp_path / "rxkernel.toml"
    file.write_text(f"{hosts}[logging]\nlevel = 'ERROR'\nformat = 'json'\n")
    logging = "logging=LoggingSettings(level='DEBUG', format='json')"
    for name, settings in (("loud_of_two", logging), ("other_of_two", "")):
        (tmp_path / f"{name}.py").write_text(
            "from rxkernel import Application, Settings\n"
            "from rxkernel.settings import LoggingSettings\n"
            f"application = Application(settings=Settings({settings}))\n"
        )
    both = SharedApplications.load(["loud_of_two", "other_of_two"], {})
    assert both.settings.logging.level == "ERROR"
    await both.start()
    try:
        file.write_text(hosts)
        events = [await one.reload_settings() for one in both.by_name.values()]
    finally:
        await both.stop()

    assert [event.settings.logging.level for event in events] == ["INFO", "INFO"]
    assert [event.settings.logging.format for event in events] == ["text", "text"]
