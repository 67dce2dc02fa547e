"""The section ``app``: the settings that an application defines itself."""

from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest
from injector import inject

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    Inject,
    Request,
    RxKernelError,
    Settings,
    http,
)
from rxkernel.application.settings_sources import load_settings
from rxkernel.pytest_plugin import ClientOf


@attrs.frozen(kw_only=True)
class Limits:
    orders: int = 10


@attrs.frozen(kw_only=True)
class ShopSettings:
    currency: str = "EUR"
    key: str = attrs.field(default="", metadata={"secret": True}, repr=False)
    limits: Limits = attrs.field(factory=Limits)


@attrs.frozen(kw_only=True)
class Required:
    token: str


class Shop:
    @inject
    def __init__(self, settings: ShopSettings) -> None:
        self.settings = settings

    @http("GET", "/currency", "currency")
    async def currency(self, request: Request) -> str:
        return self.settings.currency

    @http("GET", "/orders", "orders")
    async def orders(self, settings: Annotated[ShopSettings, Inject()]) -> int:
        return settings.limits.orders


async def test_app_settings_are_injected(client_of: ClientOf) -> None:
    client = client_of(
        Shop,
        settings_class=ShopSettings,
        settings=Settings(app=ShopSettings(currency="CHF", limits=Limits(orders=3))),
    )

    assert (await client.http("currency")).content == "CHF"
    assert (await client.http("orders")).content == 3


async def test_app_settings_without_source_have_defaults(client_of: ClientOf) -> None:
    assert (await client_of(Shop, settings_class=ShopSettings).http("currency")).content == "EUR"


def loaded(directory: Path, environment: dict[str, str], **more: Any) -> Any:
    return load_settings(
        directory=directory, environment=environment, app=ShopSettings, **more
    ).app


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rxkernel.toml", '[app]\ncurrency = "CHF"\n[app.limits]\norders = 3'),
        ("pyproject.toml", '[tool.rxkernel.app]\ncurrency = "CHF"\nlimits.orders = 3'),
    ],
)
def test_app_settings_are_read_from_file_and_variables(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)

    settings = loaded(tmp_path, {"RXKERNEL_APP_KEY": "s3cret", "RXKERNEL_APP_LIMITS_ORDERS": "4"})

    assert settings == ShopSettings(currency="CHF", key="s3cret", limits=Limits(orders=4))


def test_app_settings_in_sources_override_settings_in_code(tmp_path: Path) -> None:
    given = Settings(app=ShopSettings(currency="CHF", key="own"))

    settings = loaded(tmp_path, {"RXKERNEL_APP_KEY": "other"}, defaults=given)

    assert settings == ShopSettings(currency="CHF", key="other")


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"RXKERNEL_APP_CURENCY": "CHF"}, "did you mean RXKERNEL_APP_CURRENCY?"),
        ({"RXKERNEL_APP_LIMITS_ORDERS": "many"}, "app.limits.orders from RXKERNEL_APP_LIMITS_ORD"),
    ],
)
def test_app_settings_invalid_variable_raises_error(
    tmp_path: Path, environment: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem.replace("?", r"\?")):
        loaded(tmp_path, environment)


def test_app_settings_unknown_key_suggests_nearest(tmp_path: Path) -> None:
    (tmp_path / "rxkernel.toml").write_text('[app]\ncurency = "CHF"')

    with pytest.raises(ConfigurationError, match=r"app.curency .* did you mean app.currency\?"):
        loaded(tmp_path, {})


def test_app_settings_without_class_raise_error(tmp_path: Path) -> None:
    (tmp_path / "rxkernel.toml").write_text("[app]\nx = 1")

    with pytest.raises(ConfigurationError, match=r"\(those of an application exist with App"):
        load_settings(directory=tmp_path, environment={})


def test_app_setting_missing_names_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"app.token: must be set, .* RXKERNEL_APP_TOKEN"):
        load_settings(directory=tmp_path, environment={}, app=Required)


def test_settings_class_without_attrs_raises_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="app: the settings class int must be an attrs"):
        load_settings(directory=tmp_path, environment={}, app=int)


def test_bundle_named_app_raises_error(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="app: a bundle cannot have the name of a setting"
    ):
        load_settings(directory=tmp_path, environment={}, sections={"app": Limits})


class LimitsBundle(Bundle):
    name = "limits"
    settings_class = Limits


def test_application_loads_settings_of_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RXKERNEL_APP_CURRENCY", "CHF")
    Path("rxkernel.toml").write_text("threads = 3\n[limits]\norders = 5\n[http]\nport = 7000\n")
    application = Application(bundles=[LimitsBundle], settings_class=ShopSettings)

    application.load_settings({"http.port": 0})

    settings = application.settings
    assert settings.app == ShopSettings(currency="CHF")
    assert settings.bundles["limits"] == Limits(orders=5)
    assert (settings.threads, settings.http.port) == (3, 0)


async def test_load_settings_after_boot_raises_error() -> None:
    async with Application() as application:
        with pytest.raises(RxKernelError, match="settings is set after boot"):
            application.load_settings()


def test_load_settings_reports_invalid_overrides() -> None:
    with pytest.raises(ConfigurationError, match=r"http\.prot from argument http\.prot: no such"):
        Application().load_settings({"http.prot": 1})


class AppBundle(Bundle):
    name = "app"


class SameBundle(Bundle):
    name = "same"
    settings_class = ShopSettings


class Plain:
    pass


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"settings": Settings(app=Limits())}, "settings.app is Limits, but the application has"),
        (
            {"settings_class": ShopSettings, "settings": Settings(app=Limits())},
            "settings.app is Limits, but settings_class is ShopSettings; write Settings(app=Shop",
        ),
        (
            {"settings_class": ShopSettings(key="s3cret")},
            "settings_class is an instance of ShopSettings, which is not an attrs class; put",
        ),
        ({"settings_class": Plain}, "which is not an attrs class; put @attrs.frozen on it"),
        ({"settings_class": Settings}, "which derives from rxkernel.Settings; pass a class with"),
        ({"settings_class": Required}, "the settings of the application are missing: "),
        (
            {"bundles": [SameBundle], "settings_class": ShopSettings},
            "bundle 'same' and the application both have the settings_class ShopSettings; each",
        ),
        ({"bundles": [AppBundle]}, "bundle 'app' (AppBundle) has the name of a setting of rx"),
    ],
)
async def test_app_settings_of_another_class_raise_error_at_boot(
    parts: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        await Application(**parts).boot()
    assert problem in str(raised.value)
