"""Bundles: found, ordered, built, and what they bring."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from injector import Binder, inject, singleton

from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    Kernel,
    KernelClient,
    Request,
    Server,
    Settings,
    Transport,
    http,
    observe,
)
from rxkernel.application import discovery


@attrs.frozen
class GreetingSettings:
    word: str = "hello"


class Greeter:
    @inject
    def __init__(self, settings: GreetingSettings) -> None:
        self.word = settings.word


class GreetingController:
    @inject
    def __init__(self, greeter: Greeter) -> None:
        self.greeter = greeter

    @http("GET", "/greet", "greet")
    async def greet(self, request: Request) -> str:
        return self.greeter.word


class GreetingBundle(Bundle):
    name = "greeting"
    controllers = (GreetingController,)
    settings_class = GreetingSettings

    @inject
    def __init__(self, settings: Settings, own: GreetingSettings) -> None:
        self.debug = settings.debug
        self.own = own
        self.booted = False

    def configure(self, binder: Binder) -> None:
        binder.bind(Greeter, scope=singleton)

    @observe(ApplicationEvents.BOOTSTRAP)
    async def boot(self, event: BootstrapEvent) -> None:
        self.booted = True


def bundle(name: str, *requires: str) -> type[Bundle]:
    return type(name, (Bundle,), {"name": name, "requires": requires})


def names(*given: discovery.Given) -> list[str]:
    return [found.name for found in discovery.resolve(given)]


async def test_a_bundle_class_is_built_with_its_services_and_settings() -> None:
    async with Application(bundles=[GreetingBundle]) as application:
        assert (await KernelClient(application).http("greet")).content == "hello"


async def test_an_instance_configures_and_settings_reach_it() -> None:
    settings = Settings(bundles={"greeting": GreetingSettings(word="servus")})
    given = GreetingBundle(settings, GreetingSettings())

    async with Application(bundles=[given], settings=settings) as application:
        assert (await KernelClient(application).http("greet")).content == "servus"
        assert given.booted


async def test_a_bundle_may_bring_a_server() -> None:
    class Pigeons(Server):
        name = "pigeons"
        transport = Transport.SOCKET
        host = "loft"
        port = 1
        trace: ClassVar[list[str]] = []

        def configure(self, kernel: Kernel) -> None:
            self.trace.append("configure")

        async def start(self) -> None:
            self.trace.append("start")

        async def drain(self) -> None:
            self.trace.append("drain")

        async def stop(self) -> None:
            self.trace.append("stop")

    class Birds(Bundle):
        name = "birds"
        servers = (Pigeons,)

    class Twice(Birds):
        name = "twice"

    application = Application(bundles=[Birds])
    async with application:
        assert list(application.servers) == ["aiohttp", "socketio", "pigeons"]
        assert application.servers["pigeons"].url == "http://loft:1"
    with pytest.raises(ConfigurationError, match="two servers are called 'pigeons'"):
        await Application(bundles=[Birds, Twice]).boot()


def test_required_bundles_come_first_and_the_order_stays() -> None:
    a, b, c = bundle("a", "c"), bundle("b"), bundle("c", "b")

    assert names(a, b, c) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([bundle("a", "b")], r"bundle 'a' requires 'b'; add it: bundles=\[…, 'b'\]"),
        ([bundle("a"), bundle("a")], "bundle 'a' is enabled twice"),
        ([bundle("a", "b"), bundle("b", "a")], "in a circle: a → b → a"),
        (["nowhere"], "no bundle 'nowhere' is installed; there is"),
        ([object], "is no bundle; subclass"),
        ([Bundle], "bundle Bundle has no name"),
    ],
)
def test_what_cannot_be_resolved_is_told(given: list[Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        discovery.resolve(given)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    """Put a distribution with one bundle entry point on the path."""
    info = folder / "birds-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: birds\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{discovery.GROUP}]\nbirds = {entry}\n")
    monkeypatch.syspath_prepend(str(folder))


def test_a_name_is_found_among_the_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Being installed never enables a bundle; naming it does."""
    install(tmp_path, monkeypatch, "birds_module:Birds")
    (tmp_path / "birds_module.py").write_text(
        "from rxkernel import Bundle\nclass Birds(Bundle):\n    name = 'birds'\n"
    )

    assert names("birds") == ["birds"]
    assert isinstance(discovery.installed()["birds"], EntryPoint)
    assert names() == []
    sys.modules.pop("birds_module")


def test_a_bundle_that_cannot_be_imported_names_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "no_such_module:Birds")

    with pytest.raises(ConfigurationError, match=r"cannot be imported.*rxkernel\[birds\]"):
        discovery.resolve(["birds"])


def test_a_projects_own_bundles_package_that_hides_ours_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "bundles.birds:Birds")
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "__init__.py").touch()

    with pytest.raises(ConfigurationError, match=r"__init__\.py hides the installed bundles"):
        discovery.resolve(["birds"])
    sys.modules.pop("bundles", None)


async def test_a_bundle_whose_settings_are_incomplete_is_told() -> None:
    @attrs.frozen
    class Needs:
        secret: str

    class Needy(Bundle):
        name = "needy"
        settings_class = Needs

    with pytest.raises(ConfigurationError, match="bundle 'needy' cannot be built"):
        await Application(bundles=[Needy]).boot()
