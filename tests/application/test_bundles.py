"""Bundles: how they are found, ordered and built, and what they add to an application."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import attrs
import click
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
from rxkernel.application import bundle_resolution
from rxkernel.application.bundle_rules import OWN_COMMANDS
from rxkernel.application.entry_points import GROUP, installed
from rxkernel.cli import main
from tests.installed_package import install_metadata


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


def bundle(name: Any, *required: str, **attributes: Any) -> type[Bundle]:
    return type("Made", (Bundle,), {"name": name, "requires": required, **attributes})


def names(*given: bundle_resolution.BundleRef) -> list[str]:
    return [found.name for found in bundle_resolution.resolve_bundles(given)]


async def test_bundle_class_is_built_with_services_and_settings() -> None:
    async with Application(bundles=[GreetingBundle]) as application:
        assert (await KernelClient(application).http("greet")).content == "hello"


async def test_bundle_instance_configures_and_settings_are_injected() -> None:
    settings = Settings(bundles={"greeting": GreetingSettings(word="servus")})
    given = GreetingBundle(settings, GreetingSettings())

    async with Application(bundles=[given], settings=settings) as application:
        assert (await KernelClient(application).http("greet")).content == "servus"
        assert given.booted


async def test_bundle_server_is_started() -> None:
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
        assert list(application.servers) == ["http", "socketio", "pigeons"]
        assert application.servers["pigeons"].url == "http://loft:1"
    with pytest.raises(ConfigurationError, match="two servers have the name 'pigeons'"):
        await Application(bundles=[Birds, Twice]).boot()


def test_bundle_requires_comes_later_in_list_is_set_up_first() -> None:
    a, b, c = bundle("a", "c"), bundle("b"), bundle("c", "b")

    assert names(a, b, c) == ["b", "c", "a"]


def test_bundle_after_enabled_bundle_is_set_up_later() -> None:
    a, b, c = bundle("a", after=("c",)), bundle("b"), bundle("c")

    assert names(a, b, c) == ["c", "a", "b"]


def test_bundle_after_missing_bundle_keeps_its_position() -> None:
    a, b = bundle("a", after=("sessions", "b")), bundle("b", after=("nowhere",))

    assert names(a, b) == ["b", "a"]


@attrs.frozen
class Shared:
    word: str = "hello"


@click.command("paint")
def paint() -> None: ...


async def wait(binder: Binder) -> None: ...


class Abstract(Bundle, ABC):
    name = "abstract"

    @abstractmethod
    def paint(self) -> None: ...


class Nameless(Server):
    transport = "http"  # type: ignore[assignment]

    def configure(self, kernel: Kernel) -> None: ...

    async def start(self) -> None: ...

    async def drain(self) -> None: ...

    async def stop(self) -> None: ...


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ([bundle("a", "b")], ["bundle 'a' requires 'b'; add it: bundles=[…, 'b']"]),
        ([bundle("a"), bundle("a")], ["bundle 'a' is enabled twice; remove one"]),
        ([bundle("a", "b"), bundle("b", "a")], ["has a cycle: a → b → a;"]),
        ([bundle("a", after=("b",)), bundle("b", "a")], ["has a cycle: a → b → a;"]),
        ([bundle("a", after=("b",)), bundle("b", after=("a",))], ["has a cycle: a → b → a;"]),
        ([bundle("a", after=("a",))], ["has a cycle: a → a;"]),
        (
            [bundle("a", "b"), bundle("b", "c"), bundle("c", after=("b",)), bundle("d", "d")],
            ["has a cycle: b → c → b;", "has a cycle: d → d;"],
        ),
        (["nowhere"], ["no bundle 'nowhere' is installed; there is"]),
        ([object], ["object is not a bundle; pass a subclass of rxkernel.Bundle"]),
        ([None], ["None is not a bundle"]),
        ([Bundle], ["bundle Bundle has no name"]),
        ([bundle("")], ["bundle Made has no name"]),
        ([bundle("two words")], ["bundle Made: name is 'two words'; use lower-case letters"]),
        ([bundle("a", requires="sessions")], ["requires is 'sessions'; write a tuple or a list"]),
        ([bundle("a", requires=(1,))], ["requires contains 1; it must be the name of a bundle"]),
        ([bundle("a", after=(None,))], ["after contains None; it must be the name of a bundle"]),
        ([bundle("a", after=None)], ["after is None; write a tuple or a list"]),
        ([bundle("a", controllers=object)], ["controllers is object; write a tuple"]),
        ([bundle("a", listeners={"x": 1})], ["listeners is an instance of dict; write a tuple"]),
        ([bundle("a", servers=(object,))], ["servers contains object; it must be a"]),
        ([bundle("a", servers=(Server,))], ["it must be a subclass of rxkernel.Server that is"]),
        ([bundle("a", options="access")], ["options is 'access'; write a tuple or a list"]),
        ([bundle("a", options=(1,))], ["options contains 1; it must be the key of an option"]),
        (
            [bundle("a", transports=("BUS",))],
            ["transports contains 'BUS'; it must be a Transport"],
        ),
        ([bundle("a", transports=(Transport.HTTP,))], ["it must be a Transport other than HTTP"]),
        (
            [bundle("a", servers=(Nameless,))],
            [
                'contains Nameless, which has no name; write name = "…" in the class',
                "contains Nameless, which has no transport; write transport = Transport(",
            ],
        ),
        ([bundle("a", commands=(print,))], ["commands contains print; it must be a click"]),
        ([bundle("a", commands=(click.Command(None),))], ["a command without a name"]),
        ([bundle("a", commands=(paint, paint))], ["commands contains 2 commands called 'paint'"]),
        ([bundle("a", commands=(click.Command("serve"),))], ["'serve', a command of rxkernel"]),
        ([bundle("a", settings_class=dict)], ["settings_class is dict; it must be an"]),
        ([bundle("a", provides=Shared)], ["provides is Shared; write a tuple or a list"]),
        ([bundle("a", provides=("Shared",))], ["provides contains 'Shared'; it must be a class"]),
        (
            [bundle("a", settings_class=Shared())],
            ["settings_class is an instance of Shared; it must be an attrs class"],
        ),
        (
            [bundle("a", commands=property(lambda self: ()))],
            ["commands is a property, but is read before the bundle is built; write the value"],
        ),
        ([bundle(property(lambda self: "a"))], ["Made: name is a property, but is"]),
        (
            [bundle(name) for name in ("http", "debug", "bundles", "app")],
            [
                f"bundle {name!r} (Made) has the name"
                for name in ("http", "debug", "bundles", "app")
            ],
        ),
        (
            [bundle("a", listener=[object], option=("x",), setting_class=Shared)],
            [
                "listener is not an attribute of bundles; did you mean listen",
                "did you mean options?",
                "did you mean settings_class?",
            ],
        ),
        ([bundle("a", confgure=lambda self, binder: None)], ["did you mean configure?"]),
        ([bundle("a", server=property(lambda self: ()))], ["did you mean servers?"]),
        ([bundle("a", configure=wait)], ["configure is an async def; write a plain def"]),
        ([bundle("a", configure=None)], ["configure is None; it must be a method"]),
        ([Abstract], ["is abstract, it does not implement paint"]),
        (
            [bundle("a", commands=(paint,)), bundle("b", commands=(paint,))],
            ["bundles 'a' and 'b' both have the command 'paint'; each needs its own"],
        ),
        (
            [bundle("a", settings_class=Shared), bundle("b", settings_class=Shared)],
            ["bundles 'a' and 'b' both have the settings class Shared; each needs its own"],
        ),
        (
            [bundle("a", "b", after=(1,)), object, bundle("b", commands=3), bundle("c", "d")],
            ["'a': after contains 1", "object", "'b': commands is 3", "'c' requires 'd'"],
        ),
    ],
)
def test_bundle_that_cannot_be_used_is_a_configuration_error(
    given: list[Any], problems: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        bundle_resolution.resolve_bundles(given)

    assert len(caught.value.problems) == len(problems), caught.value
    for problem, text in zip(caught.value.problems, problems, strict=True):
        assert text in problem


def test_bundle_with_further_attributes_and_methods_boots() -> None:
    @attrs.define
    class Own(Bundle):
        name = "own"
        server: str = "db"
        Options = ("x",)
        settings = GreetingSettings
        _listener = ()
        store = None

        def configured(self) -> None: ...

        def command(self) -> None: ...

    class Derived(Own):
        name = "derived"
        pool = 3

    assert names(Own, Derived()) == ["own", "derived"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("greetings", "no such bundle is enabled; did you mean 'greeting'?"),
        ("nope", "no such bundle is enabled; enable it, or remove its settings"),
        ("plain", "the bundle has no settings_class; remove these settings"),
    ],
)
async def test_bundle_settings_without_reader_raise_error_at_boot(name: str, problem: str) -> None:
    settings = Settings(bundles={name: GreetingSettings("s3cret")})

    with pytest.raises(ConfigurationError) as caught:
        await Application(bundles=[GreetingBundle, bundle("plain")], settings=settings).boot()
    assert caught.value.problems == (
        f"Settings(bundles={{{name!r}: …}}) has no effect: {problem}",
    )


def test_bundle_whose_settings_class_has_unknown_type_is_a_configuration_error() -> None:
    @attrs.frozen
    class Wrong:
        word: "Nowhere"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match=r"has a type that cannot be read.*'Nowhere'"):
        bundle_resolution.resolve_bundles([bundle("a", settings_class=Wrong)])


def test_bundle_attribute_that_raises_is_a_configuration_error() -> None:
    class Lazy(Bundle):
        name = "lazy"

        @property
        def listeners(self) -> tuple[object, ...]:  # type: ignore[override]
            raise LookupError("nothing there")

    with pytest.raises(
        ConfigurationError,
        match=r"Lazy cannot be read: LookupError: nothing there \(.*test_bundles\.py, line \d+\)$",
    ):
        bundle_resolution.resolve_bundles([Lazy()])


async def test_bundle_attribute_set_in_constructor_is_checked() -> None:
    class Late(Bundle):
        name = "late"

        def __init__(self) -> None:
            self.servers = (object,)  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match="bundle 'late': servers contains"):
        await Application(bundles=[Late]).boot()


Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with the bundle *birds*, and the source of its module, on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "bundles", raising=False)  # other tests have imported it

    def install(
        source: str = "",
        *,
        entry: str = "birds_module:Birds",
        package: str = "birds",
        more: str = "",
    ) -> None:
        install_metadata(tmp_path, package, GROUP, f"birds = {entry}", more=more)
        (tmp_path / "birds_module.py").write_text(source)

    yield install
    for name in ("birds_module", "bundles"):
        sys.modules.pop(name, None)


BIRDS = "from rxkernel import Bundle\nclass Birds(Bundle):\n    name = 'birds'\n"


def test_installed_bundle_is_found_by_name(install: Install) -> None:
    """Being installed never enables a bundle; naming it does."""
    install(BIRDS)

    assert names("birds") == ["birds"]
    assert isinstance(installed()["birds"], EntryPoint)
    assert names() == []


@pytest.mark.parametrize(
    ("source", "options", "text"),
    [
        ("1 / 0", {}, r"ZeroDivisionError: division by zero \(.*birds_module\.py, line 1\)$"),
        ("raise RuntimeError", {}, r"RuntimeError \(.*birds_module\.py, line 1\)$"),
        ("class Birds(:", {}, r"SyntaxError: invalid syntax \(birds_module\.py, line 1\)$"),
        ("import sys; sys.exit(3)", {}, r"SystemExit: 3 \(.*birds_module\.py, line 1\)$"),
        ("raise GeneratorExit", {}, r"GeneratorExit \(.*birds_module\.py, line 1\)$"),
        (
            "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
            {},
            r"E \(.*birds_module\.py, line 3\)$",
        ),
        ("import rxkernel; rxkernel.Header(title='x')", {}, r"Header\(\) has no argument title"),
        ("", {}, r"module 'birds_module' has no 'Birds'; correct the entry point 'birds_module:B"),
        ("", {"entry": "birds_module"}, r"the entry point 'birds_module' of .* module:Class"),
        ("", {"entry": "bad value"}, r"the entry point 'bad value' of the package 'birds' must"),
        (
            "",
            {"entry": "no_module:Birds"},
            r"No module named 'no_module'; correct the entry point",
        ),
        ("import no_redis", {}, r"No module named 'no_redis'; install .* contains 'no_redis'$"),
        (
            "import no_redis.asyncio",
            {"package": "zoo", "more": "Provides-Extra: Birds\n"},
            r"No module named 'no_redis'; install its dependencies: pip install 'zoo\[Birds\]'$",
        ),
        (
            "from email import letters",
            {},
            r"cannot import name 'letters' from 'email'.*line 1\); .* pip check$",
        ),
        ("import birds_module.nest", {}, r"No module named 'birds_module.nest'"),
    ],
)
def test_bundle_that_cannot_be_imported_is_a_configuration_error(
    source: str, options: dict[str, str], text: str, install: Install
) -> None:
    install(source, **options)

    with pytest.raises(ConfigurationError, match=rf"^bundle 'birds' cannot be imported: {text}"):
        bundle_resolution.resolve_bundles(["birds"])


def test_bundle_required_by_another_cannot_be_imported_is_one_problem(install: Install) -> None:
    install("1 / 0")

    with pytest.raises(ConfigurationError) as caught:
        bundle_resolution.resolve_bundles([bundle("a", "birds"), "birds"])

    assert len(caught.value.problems) == 1


def test_bundle_name_differs_from_entry_point_raises_error(install: Install) -> None:
    install(BIRDS.replace("'birds'", "'pigeons'"))

    with pytest.raises(ConfigurationError, match="bundle 'birds' has name = 'pigeons' in birds_m"):
        bundle_resolution.resolve_bundles(["birds"])


def test_bundle_installed_by_two_packages_raises_error(install: Install) -> None:
    install(BIRDS)
    install(BIRDS, package="zoo")

    with pytest.raises(ConfigurationError, match=r"by the packages '.*' and '.*'; uninstall one"):
        bundle_resolution.resolve_bundles(["birds"])


def test_unknown_bundle_suggests_the_nearest_name(install: Install) -> None:
    install(BIRDS)

    with pytest.raises(ConfigurationError, match=r"no bundle 'brids' .* did you mean 'birds'"):
        bundle_resolution.resolve_bundles(["brids"])


def test_package_with_broken_metadata_is_named_in_the_error(install: Install) -> None:
    install(BIRDS, entry="birds_module:Birds\ngarbage")

    with pytest.raises(ConfigurationError, match=r"entry_points\.txt of the package 'birds'"):
        bundle_resolution.resolve_bundles(["birds"])


def test_project_package_named_bundles_is_reported_if_it_hides_installed_bundles(
    install: Install, tmp_path: Path
) -> None:
    install(entry="bundles.birds:Birds")
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "__init__.py").touch()

    with pytest.raises(ConfigurationError, match=r"__init__\.py hides the installed bundles"):
        bundle_resolution.resolve_bundles(["birds"])


async def test_bundle_setting_without_default_is_a_configuration_error() -> None:
    @attrs.frozen
    class Needs:
        secret: str

    class Needy(Bundle):
        name = "needy"
        settings_class = Needs

    with pytest.raises(ConfigurationError, match=r"^needy\.secret: must be set, in rxkernel"):
        await Application(bundles=[Needy]).boot()


def test_own_commands_list_equals_the_command_line() -> None:
    assert main.commands.keys() == OWN_COMMANDS


async def test_bundle_settings_of_another_class_raise_error() -> None:
    settings = Settings(bundles={"greeting": Shared()})

    with pytest.raises(ConfigurationError, match="its settings are a Shared; write Settings"):
        await Application(bundles=[GreetingBundle], settings=settings).boot()


class PaletteBundle(Bundle):
    name = "palette"
    color = "blue"

    def configure(self, binder: Binder) -> None:
        binder.bind(str, to=f"the color is {self.color}")


class PaintingBundle(Bundle):
    name = "painting"
    after = ("palette",)

    @inject
    def __init__(self, palette: PaletteBundle, text: str) -> None:
        self.palette = palette
        self.text = text


class Palettes:
    @inject
    def __init__(self, palette: PaletteBundle) -> None:
        self.palette = palette

    @http("GET", "/palette", "palette")
    async def show(self, request: Request) -> str:
        return self.palette.color


@pytest.mark.parametrize("given", [PaletteBundle, PaletteBundle()])
async def test_bundle_class_and_instance_are_injected(given: Any) -> None:
    application = Application(bundles=[PaintingBundle, given], controllers=[Palettes])

    injector = await application.boot()

    painting, palette = injector.get(PaintingBundle), injector.get(PaletteBundle)
    assert painting.palette is palette
    assert painting.text == "the color is blue"
    assert palette is given or isinstance(given, type)
    assert (await KernelClient(application).http("palette")).content == "blue"
    await application.stop()


async def test_bundle_by_name_is_injected(install: Install) -> None:
    install(BIRDS)
    application = Application(bundles=["birds"])

    injector = await application.boot()

    kind = sys.modules["birds_module"].Birds
    assert type(injector.get(kind)) is kind
    await application.stop()


async def test_bundle_subclass_is_injected_as_its_base_class() -> None:
    class RedPalette(PaletteBundle):
        color = "red"

    async with Application(bundles=[RedPalette, PaintingBundle]) as application:
        assert application.injector.get(PaintingBundle).palette.color == "red"


async def test_two_bundles_of_a_class_are_not_injected_as_that_class() -> None:
    class OtherPalette(PaletteBundle):
        name = "other"

    application = Application(bundles=[PaletteBundle, OtherPalette, PaintingBundle])

    with pytest.raises(ConfigurationError, match="PaintingBundle asks for PaletteBundle, which"):
        await application.boot()


async def test_bundle_that_comes_later_cannot_be_injected() -> None:
    class Impatient(Bundle):
        name = "impatient"

        @inject
        def __init__(self, palette: PaletteBundle) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await Application(bundles=[Impatient, PaletteBundle]).boot()

    assert caught.value.problems == (
        "bundle 'impatient' injects the bundle 'palette', which is set up later; write after = "
        "('palette',) in test_bundle_that_comes_later_cannot_be_injected.<locals>.Impatient",
    )


async def test_every_bundle_that_cannot_be_built_is_one_problem() -> None:
    class Broken(PaletteBundle):
        @inject
        def __init__(self) -> None:
            raise OSError("no paint")

    class Leaving(Bundle):
        name = "leaving"

        def configure(self, binder: Binder) -> None:
            raise SystemExit(3)

    class Bare(Bundle):
        name = "bare"

        def __init__(self, palette: PaletteBundle) -> None: ...

    application = Application(
        bundles=[Broken, PaintingBundle, Leaving, Bare], controllers=[Palettes]
    )
    with pytest.raises(ConfigurationError) as caught:
        await application.boot()

    first, second, third = caught.value.problems
    assert first.startswith("bundle 'palette' cannot be built: OSError: no paint (")
    assert second.startswith("bundle 'leaving' cannot be built: SystemExit: 3 (")
    assert third.startswith("bundle 'bare' cannot be built: ")
    assert "put @inject on its constructor" in third


async def test_bundle_that_is_an_async_context_manager_is_entered_and_exited() -> None:
    class Life(Bundle):
        name = "life"

        def __init__(self) -> None:
            self.trace: list[str] = []

        async def __aenter__(self) -> None:
            self.trace.append("entered")

        async def __aexit__(self, *error: object) -> None:
            self.trace.append("left")

    async with Application(bundles=[life := Life()]):
        assert life.trace == ["entered"]
    assert life.trace == ["entered", "left"]
