"""Services that a test puts in place of services of the application: injection and lifetime."""

from functools import partial
from typing import Annotated, Any, Self

import attrs
import pytest
from injector import Binder, Module, ProviderOf, inject, provider, singleton

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    ConnectionEvent,
    HttpSettings,
    Inject,
    KernelClient,
    KernelEvents,
    Propagator,
    Request,
    RequestEvent,
    RxKernelError,
    ServerEvents,
    Settings,
    connection_scope,
    http,
    observe,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf


class Mailer:
    def send(self) -> str:
        return "sent"


class FakeMailer(Mailer):
    made = 0

    def __init__(self) -> None:
        FakeMailer.made += 1

    def send(self) -> str:
        return "pretended"


@pytest.fixture(autouse=True)
def _reset_mailers() -> None:
    FakeMailer.made = 0


class Mailers: ...


class Letters:
    """A service that depends on `Mailer`."""

    @inject
    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer


class Door:
    """A listener that depends on `Mailer`."""

    @inject
    def __init__(self, mailer: Mailer, later: ProviderOf[Mailer]) -> None:
        self.mailer = mailer
        self.later = later

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        event.connection.attributes["door"] = self.later.get().send()

    @observe(KernelEvents.KERNEL_REQUEST)
    async def asked(self, event: RequestEvent) -> None:
        event.request.attributes["door"] = self.mailer.send()


class Invitations:
    @inject
    def __init__(self, mailer: Mailer, letters: Letters) -> None:
        self.mailer = mailer
        self.letters = letters

    @http("POST", "/invitations", "invite")
    async def invite(self, request: Request, mailer: Annotated[Mailer, Inject()]) -> list[str]:
        return [
            self.mailer.send(),
            self.letters.mailer.send(),
            mailer.send(),
            request.attributes["door"],
        ]

    @websocket("door")
    async def door(self, request: Request) -> Any:
        assert request.connection is not None
        return request.connection.attributes["door"]


class Post(Bundle):
    name = "post"

    @inject
    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer

    @observe(KernelEvents.KERNEL_REQUEST)
    async def count(self, event: RequestEvent) -> None:
        event.request.attributes["post"] = self.mailer.send()


class MailBundle(Bundle):
    name = "mail"

    def configure(self, binder: Binder) -> None:
        binder.bind(Mailer, scope=singleton)
        binder.bind(Letters, scope=singleton)


class PostController:
    @http("GET", "/post", "post")
    async def post(self, request: Request) -> Any:
        return request.attributes["post"]


def configure(binder: Binder) -> None:
    binder.bind(Mailer, scope=singleton)
    binder.bind(Letters, scope=singleton)


PARTS: dict[str, Any] = {"listeners": [Door], "modules": [configure]}


@pytest.mark.parametrize(
    "given",
    [FakeMailer(), FakeMailer, lambda: FakeMailer()],
    ids=["instance", "class", "function"],
)
async def test_override_is_injected_everywhere(client_of: ClientOf, given: Any) -> None:
    FakeMailer.made = 0
    client = client_of(Invitations, overrides={Mailer: given}, **PARTS)

    assert (await client.http("invite")).content == ["pretended"] * 4
    assert (await client.websocket("door")).content == "pretended"
    assert FakeMailer.made == (0 if isinstance(given, Mailer) else 1), (
        "must be built once, like the original"
    )


async def test_override_is_injected_into_bundle_built_before_modules(
    client_of: ClientOf,
) -> None:
    client = client_of(
        PostController, bundles=[MailBundle, Post], overrides={Mailer: FakeMailer()}
    )

    assert (await client.http("post")).content == "pretended"


async def test_override_of_bundle_settings_is_injected_into_bundle(client_of: ClientOf) -> None:
    @attrs.frozen
    class Words:
        text: str = "default"

    class Speaking(Bundle):
        name = "speaking"
        settings_class = Words

        @inject
        def __init__(self, words: Words) -> None:
            self.words = words

        @observe(KernelEvents.KERNEL_REQUEST)
        async def speak(self, event: RequestEvent) -> None:
            event.request.attributes["post"] = self.words.text

    words = Words("overridden")
    client = client_of(PostController, bundles=[Speaking], overrides={Words: words})

    assert (await client.http("post")).content == "overridden"


async def test_override_with_dependencies_gets_them(client_of: ClientOf) -> None:
    class Forwarding(Mailer):
        @inject
        def __init__(self, settings: Settings) -> None:
            self.debug = settings.debug

        def send(self) -> str:
            return f"debug={self.debug}"

    client = client_of(Invitations, overrides={Mailer: Forwarding}, **PARTS)

    assert (await client.http("invite")).content == ["debug=False"] * 4


async def test_override_of_a_list_replaces_it_as_a_whole(client_of: ClientOf) -> None:
    class Plugins:
        @inject
        def __init__(self, mailers: list[Mailer]) -> None:
            self.mailers = mailers

        @http("GET", "/plugins", "plugins")
        async def plugins(self) -> list[str]:
            return [mailer.send() for mailer in self.mailers]

    def plugins(binder: Binder) -> None:
        binder.multibind(list[Mailer], to=[Mailer, Mailer])
        binder.multibind(list[Mailer], to=Mailer)

    client = client_of(Plugins, modules=[plugins], overrides={list[Mailer]: [FakeMailer()]})

    assert (await client.http("plugins")).content == ["pretended"]


async def test_override_without_effect_raises_error_with_nearest_name(
    client_of: ClientOf,
) -> None:
    """After a typing mistake, the test would use the original service."""
    namesake = type("Mailer", (), {"__module__": "elsewhere"})
    client = client_of(Invitations, overrides={namesake: 1, Mailers: 2, Unit: 3}, **PARTS)

    with pytest.raises(ConfigurationError) as error:
        await client.http("invite")
    assert error.value.problems == (
        f"overrides: elsewhere.Mailer is not bound; did you mean {__name__}.Mailer?",
        f"overrides: {__name__}.Mailers is not bound; did you mean {__name__}.Mailer?",
        f"overrides: {__name__}.Unit is not bound; override a service that a module or a bundle "
        f"binds",
    )


async def test_override_of_framework_service_raises_error(client_of: ClientOf) -> None:
    """Most of the framework does not get them from the injector, so an override has no effect."""
    client = client_of(Invitations, overrides={Settings: Settings(debug=True)}, **PARTS)

    with pytest.raises(ConfigurationError, match="Settings is a service of the framework itself"):
        await client.http("invite")


async def test_override_of_singleton_by_callable_instance_is_not_called(
    client_of: ClientOf,
) -> None:
    """`Binder.bind` uses an instance as it is, and mocks are callable, too."""

    class Calling(FakeMailer):
        def __call__(self) -> Mailer:
            raise AssertionError

    class Other:
        def __call__(self) -> Mailer:
            raise AssertionError

        def send(self) -> str:
            return "pretended"

    for given in (Calling(), Other()):
        client = client_of(Invitations, overrides={Mailer: given}, **PARTS)
        assert (await client.http("invite")).content == ["pretended"] * 4


async def test_override_of_singleton_by_partial_is_called(client_of: ClientOf) -> None:
    client = client_of(Invitations, overrides={Mailer: partial(FakeMailer)}, **PARTS)

    assert (await client.http("invite")).content == ["pretended"] * 4


async def test_override_of_framework_service_bound_by_module_is_used(
    client_of: ClientOf,
) -> None:
    class Tracing(Propagator):
        def __init__(self, name: str) -> None:
            self.name = name

    class Traced:
        @http("GET", "/traced", "traced")
        async def traced(self, propagator: Annotated[Propagator, Inject()]) -> Any:
            return getattr(propagator, "name", None)

    def trace(binder: Binder) -> None:
        binder.bind(Propagator, to=Tracing("module"))

    class Spans(Bundle):
        name = "spans"

        def configure(self, binder: Binder) -> None:
            trace(binder)

    overrides = {Propagator: Tracing("override")}
    for parts in ({"modules": [trace]}, {"bundles": [Spans]}):
        assert (await client_of(Traced, **parts).http("traced")).content == "module"
        client = client_of(Traced, overrides=overrides, **parts)
        assert (await client.http("traced")).content == "override"
    with pytest.raises(ConfigurationError, match="Propagator is a service of the framework itse"):
        await client_of(Traced, overrides=overrides).http("traced")


async def test_override_that_cannot_be_built_raises_error(client_of: ClientOf) -> None:
    class Needy(Mailer):
        @inject
        def __init__(self, missing: FakeMailer) -> None: ...

    client = client_of(Invitations, overrides={Mailer: Needy}, **PARTS)

    with pytest.raises(ConfigurationError, match="Needy asks for FakeMailer, which nothing binds"):
        await client.http("invite")


class TestLifetime:
    async def test_overrides_do_not_change_application(self) -> None:
        application = Application(controllers=[Invitations], **PARTS)

        async with KernelClient(application, overrides={Mailer: FakeMailer()}) as client:
            assert (await client.http("invite")).content == ["pretended"] * 4
        async with KernelClient(application) as client:
            assert (await client.http("invite")).content == ["sent"] * 4

    async def test_client_called_after_close_boots_with_its_overrides_again(self) -> None:
        application = Application(controllers=[Invitations], **PARTS)
        client = KernelClient(application, overrides={Mailer: FakeMailer})

        for times in (1, 2):
            assert (await client.http("invite")).content == ["pretended"] * 4
            assert FakeMailer.made == times
            await client.close()

    async def test_overrides_of_booted_application_raise_error(self, client_of: ClientOf) -> None:
        client = client_of(Invitations, overrides={Mailer: FakeMailer()}, **PARTS)
        await client.application.boot()

        with pytest.raises(RxKernelError, match="the application is booted already"):
            await client.http("invite")

    async def test_two_clients_of_one_application_share_the_overrides_of_the_first(
        self, client_of: ClientOf
    ) -> None:
        fake = FakeMailer()
        first = client_of(Invitations, overrides={Mailer: fake}, **PARTS)
        plain = client_of(first.application)
        same = client_of(first.application, overrides={Mailer: fake})
        other = client_of(first.application, overrides={Mailer: FakeMailer()})

        for client in (first, plain, same):
            assert (await client.http("invite")).content == ["pretended"] * 4
        with pytest.raises(RxKernelError, match="with other overrides"):
            await other.http("invite")

    async def test_overrides_are_kept_after_reload(self, client_of: ClientOf) -> None:
        class Late:
            @inject
            def __init__(self, mailer: Mailer) -> None:
                self.mailer = mailer

            @http("GET", "/late", "late")
            async def late(self) -> str:
                return self.mailer.send()

        client = client_of(Invitations, overrides={Mailer: FakeMailer()}, **PARTS)
        await client.http("invite")
        await client.application.reload(controllers=[Late])

        assert (await client.http("late")).content == "pretended"

    async def test_overrides_of_boot_are_used_by_servers_until_stop(self) -> None:
        settings = Settings(http=HttpSettings(port=0))
        application = Application(controllers=[Invitations], settings=settings, **PARTS)
        await application.boot(overrides={Mailer: FakeMailer()})
        await application.start()

        injector = await application.boot()
        assert injector.get(Mailer).send() == "pretended"
        await application.stop()
        async with application:
            assert application.injector.get(Mailer).send() == "sent"


class Pool:
    """A service that is opened and closed."""

    def __init__(self) -> None:
        self.trace: list[str] = []

    async def __aenter__(self) -> Self:
        self.trace.append("opened")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.trace.append("closed")

    async def aclose(self) -> None:
        self.trace.append("ended")


class Session(Pool): ...


class Pooled:
    @http("GET", "/pool", "pool")
    async def pool(self, pool: Annotated[Pool, Inject()]) -> list[str]:
        return list(pool.trace)


class PoolModule(Module):
    """The pool under two names, and bound once as an instance."""

    def configure(self, binder: Binder) -> None:
        binder.bind(Pool, to=Pool(), scope=singleton)

    @singleton
    @provider
    def session(self, pool: Pool) -> Session:
        return pool  # type: ignore[return-value]


class TestOwnership:
    async def test_override_instance_is_neither_opened_nor_closed(
        self, client_of: ClientOf
    ) -> None:
        """The test owns the instance, for example the session of a fixture."""
        pool = Pool()
        client = client_of(Pooled, modules=[PoolModule], overrides={Pool: pool})

        assert (await client.http("pool")).content == []
        await client.close()
        assert pool.trace == []

    @pytest.mark.parametrize("is_class", [True, False])
    async def test_override_class_or_function_is_opened_and_closed_like_original(
        self, client_of: ClientOf, is_class: bool
    ) -> None:
        pools: list[Pool] = []

        class FakePool(Pool):
            def __init__(self) -> None:
                super().__init__()
                pools.append(self)

        def make() -> Pool:
            return FakePool()

        client = client_of(
            Pooled, modules=[PoolModule], overrides={Pool: FakePool if is_class else make}
        )

        assert (await client.http("pool")).content == ["opened"]
        await client.close()
        assert [pool.trace for pool in pools] == [["opened", "closed"]]


class Unit:
    """A service of a message or a connection."""

    closed = 0

    async def aclose(self) -> None:
        Unit.closed += 1


class Units:
    @http("GET", "/unit", "unit")
    @websocket("unit")
    async def unit(self, unit: Annotated[Unit, Inject()]) -> int:
        return id(unit)

    @websocket("seat")
    async def seat(self, unit: Annotated[Unit, Inject()]) -> int:
        return id(unit)


@pytest.fixture
def _reset_closed_units() -> None:
    Unit.closed = 0


@pytest.mark.usefixtures("_reset_closed_units")
class TestScopes:
    @staticmethod
    def per_message(binder: Binder) -> None:
        binder.bind(Unit, scope=request_scope)

    async def test_override_class_or_function_has_scope_of_original(
        self, client_of: ClientOf
    ) -> None:
        class Fake(Unit): ...

        for given in (Fake, lambda: Fake()):
            Unit.closed = 0
            client = client_of(Units, modules=[self.per_message], overrides={Unit: given})
            for _ in range(3):
                await client.http("unit")
            assert Unit.closed == 3

    async def test_override_factory_is_called_in_scope_of_original(
        self, client_of: ClientOf
    ) -> None:
        """An ``async_sessionmaker``, for example, or a partial."""

        class Factory:
            def __call__(self) -> Unit:
                return Unit()

        for given in (Factory(), partial(Unit)):
            Unit.closed = 0
            client = client_of(Units, modules=[self.per_message], overrides={Unit: given})
            for _ in range(2):
                await client.http("unit")
            assert Unit.closed == 2

    async def test_override_callable_instance_of_service_is_the_service(
        self, client_of: ClientOf
    ) -> None:
        class Calling(Unit):
            def __call__(self) -> Unit:
                raise AssertionError

        unit = Calling()
        client = client_of(Units, modules=[self.per_message], overrides={Unit: unit})

        assert (await client.http("unit")).content == id(unit)

    async def test_override_instance_is_shared_and_not_closed(self, client_of: ClientOf) -> None:
        unit = Unit()
        client = client_of(Units, modules=[self.per_message], overrides={Unit: unit})

        assert [(await client.http("unit")).content for _ in range(2)] == [id(unit)] * 2
        assert Unit.closed == 0

    async def test_override_of_connection_service_is_per_connection(
        self, client_of: ClientOf
    ) -> None:
        class Seats:
            @websocket("seat")
            async def seat(self, unit: Annotated[Unit, Inject()]) -> str:
                return type(unit).__name__

        class Fake(Unit): ...

        def per_connection(binder: Binder) -> None:
            binder.bind(Unit, scope=connection_scope)

        client = client_of(Seats, modules=[per_connection], overrides={Unit: Fake})

        async with client.connection() as connection:
            for _ in range(2):
                response = await client.websocket("seat", connection=connection)
                assert response.content == "Fake"
            assert Unit.closed == 0
        assert Unit.closed == 1

    async def test_override_none_is_injected_as_none(self, client_of: ClientOf) -> None:
        """`Binder.bind` would build the class itself for None."""

        class Maybe:
            @http("GET", "/unit", "unit")
            async def unit(self, unit: Annotated[Unit, Inject()]) -> bool:
                return unit is None

        client = client_of(Maybe, modules=[self.per_message], overrides={Unit: None})

        assert (await client.http("unit")).content is True
