"""Boot, wiring, start and stop of an application."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import aiohttp
import attrs
import pytest
from injector import Binder, Module, ProviderOf, inject, provider, singleton

from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    Broadcaster,
    ConfigurationError,
    Event,
    HttpMetadata,
    HttpMetadataStorage,
    HttpSettings,
    Kernel,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    RxKernelError,
    ServerEvents,
    ServerManager,
    ServerStartError,
    Settings,
    ShutdownEvent,
    http,
    observe,
    request_scope,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf

TRACE: list[str] = []


@pytest.fixture(autouse=True)
def _empty_trace() -> None:
    TRACE.clear()


class Database:
    """A service that lives between boot and shutdown."""

    async def __aenter__(self) -> Self:
        TRACE.append("open database")
        return self

    async def __aexit__(self, *exc: object) -> None:
        TRACE.append("close database")


class Repository:
    @inject
    def __init__(self, database: Database) -> None:
        self.database = database

    async def __aenter__(self) -> Self:
        TRACE.append("open repository")
        return self

    async def __aexit__(self, *exc: object) -> None:
        TRACE.append("close repository")


@inject
@attrs.define
class Controller:
    repository: Repository
    broadcaster: Broadcaster

    @http("GET", "/", "index")
    @websocket("index")
    async def index(self, request: Request) -> str:
        return type(self.repository.database).__name__


def services(binder: Binder) -> None:
    binder.bind(Repository, scope=singleton)
    binder.bind(Database, scope=singleton)


def local(**options: Any) -> Application:
    """An application on a free port."""
    return Application(settings=Settings(http=HttpSettings(port=0)), **options)


async def problems_of(application: Application) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        await application.boot()
    return caught.value.problems


class TestBoot:
    async def test_boot_concurrent_calls_run_once(self) -> None:
        """RxStack bootstraps twice and gives two injectors."""
        application = Application(controllers=[Controller], modules=[services])

        injectors = await asyncio.gather(*(application.boot() for _ in range(3)))
        await application.stop()

        assert len({id(injector) for injector in injectors}) == 1
        assert TRACE.count("open database") == 1

    async def test_kernel_before_boot_raises_error_with_fix(self) -> None:
        with pytest.raises(RxKernelError, match=r"await application\.boot\(\) first"):
            _ = Application().kernel

    async def test_services_are_opened_in_order_of_dependency_and_closed_in_reverse(self) -> None:
        async with Application(controllers=[Controller], modules=[services]):
            assert TRACE == ["open database", "open repository"]

        assert TRACE[2:] == ["close repository", "close database"]

    async def test_boot_failure_closes_opened_services(self) -> None:
        class Broken:
            @inject
            def __init__(self, repository: Repository) -> None: ...

            async def __aenter__(self) -> Self:
                raise OSError("no route to host")

            async def __aexit__(self, *exc: object) -> None:
                pytest.fail("was never entered")

        def more(binder: Binder) -> None:
            services(binder)
            binder.bind(Broken, scope=singleton)

        application = Application(controllers=[Controller], modules=[more])
        with pytest.raises(OSError, match="no route") as caught:
            await application.boot()
        assert caught.value.__notes__[0].endswith("Broken was opened")

        assert TRACE == ["open database", "open repository", "close repository", "close database"]
        assert not application.dispatcher.has_listeners(KernelEvents.KERNEL_REQUEST)
        assert len(application.http_metadata_storage) == 0

    @pytest.mark.parametrize("kind", [RuntimeError, asyncio.CancelledError, SystemExit])
    async def test_service_that_fails_to_close_is_logged_and_others_are_closed(
        self, caplog: pytest.LogCaptureFixture, kind: type[BaseException]
    ) -> None:
        """A CancelledError from a task that the service awaits does not cancel its caller."""

        class Stubborn(Repository):
            async def __aexit__(self, *exc: object) -> None:
                raise kind("stuck")

        def stubborn(binder: Binder) -> None:
            binder.bind(Database, scope=singleton)
            binder.bind(Repository, to=Stubborn, scope=singleton)

        async with Application(controllers=[Controller], modules=[stubborn]):
            pass

        assert TRACE[-1] == "close database"
        assert "stuck" in caplog.text

    async def test_stop_that_is_cancelled_closes_the_other_services(self) -> None:
        closing = asyncio.Event()

        class Slow(Repository):
            async def __aexit__(self, *exc: object) -> None:
                closing.set()
                await asyncio.Event().wait()

        def slow(binder: Binder) -> None:
            binder.bind(Database, scope=singleton)
            binder.bind(Repository, to=Slow, scope=singleton)

        application = Application(controllers=[Controller], modules=[slow])
        await application.boot()
        stopping = asyncio.create_task(application.stop())
        await closing.wait()
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping

        assert TRACE[-1] == "close database"

    async def test_bound_instance_is_entered_except_a_lock(self) -> None:
        lock = asyncio.Lock()

        def given(binder: Binder) -> None:
            binder.bind(Database, to=Database())
            binder.bind(asyncio.Lock, to=lock)

        async with Application(modules=[given]):
            assert TRACE == ["open database"]
            assert not lock.locked()

        assert TRACE == ["open database", "close database"]

    async def test_bound_instance_is_entered_before_its_dependants(self) -> None:
        def given(binder: Binder) -> None:
            binder.bind(Database, to=Database())
            binder.bind(Repository, scope=singleton)

        async with Application(controllers=[Controller], modules=[given]):
            assert TRACE == ["open database", "open repository"]

        assert TRACE[2:] == ["close repository", "close database"]

    async def test_boot_after_shutdown_opens_services_again(self) -> None:
        application = Application(controllers=[Controller], modules=[services])
        async with application:
            pass
        async with application:
            assert len(application.kernel.http_definitions) == 1

        assert TRACE.count("open database") == TRACE.count("close database") == 2

    async def test_modules_may_be_injector_modules(self) -> None:
        class Providing(Module):
            def configure(self, binder: Binder) -> None:
                binder.bind(Database, scope=singleton)

            @singleton
            @provider
            def repository(self, database: Database) -> Repository:
                return Repository(database)

        async with Application(controllers=[Controller], modules=[Providing]) as application:
            assert (await KernelClient(application).http("index")).content == "Database"

    async def test_two_applications_share_nothing(self) -> None:
        one = Application(controllers=[Controller], modules=[services])
        other = Application()
        async with one, other:
            assert len(other.kernel.http_definitions) == 0
            assert len(other.http_metadata_storage) == 0
            assert one.injector.get(Broadcaster) is not other.injector.get(Broadcaster)

    async def test_framework_services_are_injected(self) -> None:
        async with Application() as application:
            for core, own in (
                (Kernel, application.kernel),
                (ServerManager, application.servers),
                (HttpMetadataStorage, application.http_metadata_storage),
                (Settings, application.settings),
            ):
                assert application.injector.get(core) is own


class TestMistakes:
    """Boot reports all mistakes at once, each with its fix."""

    async def test_boot_unbound_service_raises_error(self) -> None:
        (problem,) = await problems_of(Application(controllers=[Controller]))

        assert problem == (
            "Controller asks for Repository, which nothing binds; bind it in a module of the "
            "application: binder.bind(Repository, scope=singleton), or scope=request_scope for "
            "one per message"
        )

    async def test_boot_reports_all_problems_at_once(self) -> None:
        class Bad:
            @http("GET", "no-slash", "bad")
            async def bad(self, request: Request) -> None: ...

            @http("GET", "/twice", "twice")
            async def twice(self, request: Request) -> None: ...

            @http("GET", "/twice", "other")
            async def clash(self, request: Request) -> None: ...

            @http("GET", "/again", "index")
            async def again(self, request: Request) -> None: ...

            @http("GET", "/args", "args")
            async def args(self, request: Request, other) -> None: ...  # type: ignore[no-untyped-def]

            @http("GET", "/stream", "stream")
            async def stream(self, request: Request) -> Any:
                yield 1

        class Silent: ...

        class Sync:
            @observe(KernelEvents.KERNEL_REQUEST)
            def listen(self, event: Event) -> None: ...

            @observe(ServerEvents.STARTED, only=lambda definition: True)
            async def limited(self, event: Event) -> None: ...

        application = Application(controllers=[Controller, Bad], listeners=[Silent, Sync])

        problems = "\n".join(await problems_of(application))

        for part in (
            "Controller asks for Repository",
            "'no-slash'",
            "Bad.args) has no type for parameter 'other'",
            "Bad.stream) yields",
            "Silent has no listener method",
            "Sync.listen of 'kernel.request' is not async",
            "has only= on event 'server.started'",
            "'other' (GET /twice, ",
            "Controller.index and for",
        ):
            assert part in problems, problems

    async def test_boot_checks_routes_of_controller_that_cannot_be_built(self) -> None:
        class Both(Controller):
            @http("GET", "no-slash", "bad")
            async def bad(self, request: Request) -> None: ...

        problems = await problems_of(Application(controllers=[Both]))

        assert len(problems) == 2, problems
        assert "Both asks for Repository" in problems[0]
        assert "'no-slash'" in problems[1]

    async def test_boot_duplicate_name_names_both_places(self) -> None:
        class Other:
            @http("GET", "/other", "index")
            async def index(self, request: Request) -> None: ...

        application = Application(controllers=[Controller, Other], modules=[services])

        (problem,) = await problems_of(application)

        assert "Controller.index and for" in problem
        assert "Other.index; rename or remove one of them" in problem

    async def test_boot_circular_dependency_raises_error(self) -> None:
        class Hen:
            @inject
            def __init__(self, egg: "Egg") -> None: ...

        class Egg:
            @inject
            def __init__(self, hen: Hen) -> None: ...

        Hen.__init__.__annotations__["egg"] = Egg

        def circle(binder: Binder) -> None:
            binder.bind(Hen, scope=singleton)
            binder.bind(Egg, scope=singleton)

        problems = "\n".join(await problems_of(Application(modules=[circle])))

        assert "circular dependency" in problems

    async def test_boot_constructor_without_inject_or_raising_raises_error(self) -> None:
        class Forgot:
            def __init__(self, database: Database) -> None: ...

        class Raises:
            def __init__(self) -> None:
                raise ValueError("bad configuration")

        class Abstract(ABC):
            @abstractmethod
            def work(self) -> None: ...

        problems = "\n".join(
            await problems_of(Application(controllers=[Forgot, Raises, Abstract]))
        )

        assert "Abstract cannot be built: " in problems
        assert "; write the method, or bind a subclass" in problems
        assert "Forgot cannot be built: " in problems
        assert "put @inject on its constructor" in problems
        assert "Raises cannot be built: ValueError: bad configuration" in problems

    async def test_boot_context_manager_without_scope_raises_error(self) -> None:
        (problem,) = await problems_of(Application(modules=[lambda b: b.bind(Database)]))

        assert "Database is an async context manager without a scope" in problem
        assert "scope=singleton (entered at boot) or scope=request_scope" in problem

    async def test_boot_context_manager_implementation_without_scope_raises_error(self) -> None:
        class Store: ...

        def bind(binder: Binder) -> None:
            binder.bind(Store, to=Database)  # type: ignore[arg-type]
            binder.bind(Database, scope=request_scope)

        (problem,) = await problems_of(Application(modules=[bind]))

        assert "Store is an async context manager" in problem

    async def test_boot_provider_of_unbound_service_raises_error(self) -> None:
        class Lazy:
            @inject
            def __init__(self, database: ProviderOf[Database]) -> None: ...

        (problem,) = await problems_of(Application(controllers=[Lazy]))

        assert "Lazy asks for Database, which nothing binds" in problem

    async def test_boot_controller_without_routes_raises_error(self) -> None:
        class Idle: ...

        (problem,) = await problems_of(Application(controllers=[Idle]))

        assert "Idle has no route; put @http" in problem

    async def test_boot_listener_to_unknown_event_raises_error(self) -> None:
        class Listener:
            @observe("kernel.requst")
            async def listen(self, event: Event) -> None: ...

            @observe("orders.placed")
            async def mine(self, event: Event) -> None: ...

        (problem,) = await problems_of(Application(listeners=[Listener]))

        assert "unknown event 'kernel.requst'; did you mean 'kernel.request'?" in problem

    async def test_boot_function_as_controller_raises_error(self) -> None:
        @http("GET", "/f", "f")
        async def find(request: Request) -> None: ...

        (problem,) = await problems_of(Application(controllers=[find]))

        assert f"controller {__name__}.Test" in problem
        assert "find is a function, not a controller; pass its module" in problem
        assert f"Application(controllers=[{__name__}])" in problem
        assert 'storage.add(HttpMetadata(find, "name", "/path", "GET", find))' in problem

    async def test_boot_instance_without_routes_raises_error(self) -> None:
        (problem,) = await problems_of(Application(controllers=[object()]))

        assert "controller builtins.object has no route" in problem

    async def test_boot_metadata_of_unregistered_controller_raises_error(self) -> None:
        application = Application()
        application.http_metadata_storage.add(
            HttpMetadata(target=Controller, name="x", path="/x", http_method="GET", action="index")
        )

        (problem,) = await problems_of(application)

        assert "Controller, which is not a registered controller; add it" in problem

    async def test_boot_metadata_with_unknown_action_raises_error(self) -> None:
        class Empty: ...

        application = Application(controllers=[Empty])
        application.http_metadata_storage.add(
            HttpMetadata(target=Empty, name="x", path="/x", http_method="GET", action="gone")
        )

        (problem,) = await problems_of(application)

        assert "Empty.gone) has no such method" in problem


class TestManualRegistration:
    async def test_routes_added_on_bootstrap_are_last_and_removed_after_shutdown(self) -> None:
        class Index:
            async def index(self, request: Request) -> str:
                return "by hand"

        class Add:
            @observe(ApplicationEvents.BOOTSTRAP)
            async def add(self, event: BootstrapEvent) -> None:
                event.http_metadata_storage.add(
                    HttpMetadata(
                        target=Index, name="hand", path="/hand", http_method="GET", action="index"
                    )
                )

        application = Application(controllers=[Index], listeners=[Add])
        for _ in range(2):
            async with application:
                client = KernelClient(application)
                assert (await client.http("hand")).content == "by hand"
            assert len(application.http_metadata_storage) == 0

    async def test_listeners_may_be_classes_instances_and_functions(
        self, client_of: ClientOf
    ) -> None:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def function(event: RequestEvent) -> None:
            TRACE.append("function")

        class Listener:
            def __init__(self) -> None:
                self.name = "built"

            @observe(KernelEvents.KERNEL_REQUEST)
            async def listen(self, event: RequestEvent) -> None:
                TRACE.append(self.name)

        class Other(Listener): ...

        given = Other()
        given.name = "given"
        client = client_of(Controller, modules=[services], listeners=[function, Listener, given])

        await client.http("index")

        assert TRACE[-3:] == ["function", "built", "given"]

    async def test_controller_with_observe_is_listener(self, client_of: ClientOf) -> None:
        class Watching(Controller):
            @observe(KernelEvents.KERNEL_REQUEST)
            async def watch(self, event: RequestEvent) -> None:
                TRACE.append("watched")

        await client_of(Watching, modules=[services]).http("index")

        assert TRACE[-1] == "watched"

    async def test_inherited_route_calls_overriding_method(self, client_of: ClientOf) -> None:
        class Child(Controller):
            async def index(self, request: Request) -> str:
                return "child"

        assert (await client_of(Child, modules=[services]).http("index")).content == "child"


class TestStartAndStop:
    async def test_application_events_are_in_order(self) -> None:
        class Witness:
            @observe(ApplicationEvents.BOOTSTRAP)
            @observe(ApplicationEvents.SHUTDOWN)
            @observe(ServerEvents.CONFIGURE)
            @observe(ServerEvents.STARTED)
            @observe(ServerEvents.STOPPING)
            async def note(self, event: Event) -> None:
                server = getattr(event, "server", None)
                name = type(event).__name__.removesuffix("Event")
                TRACE.append(f"{name} {server.name}" if server else name)

        application = local(listeners=[Witness], modules=[services])
        await application.start()
        await application.stop()

        assert TRACE == [
            "open database",
            "open repository",
            "Bootstrap",
            "ServerConfiguration http",
            "ServerConfiguration socketio",
            "Server http",
            "Server socketio",
            "Server socketio",
            "Server http",
            "Shutdown",
            "close repository",
            "close database",
        ]

    async def test_shutdown_listener_that_raises_is_logged_and_services_are_closed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Broken:
            @observe(ApplicationEvents.SHUTDOWN)
            async def fail(self, event: ShutdownEvent) -> None:
                raise RuntimeError("at the end")

        async with Application(listeners=[Broken], modules=[services]):
            pass

        assert TRACE[-1] == "close database"
        assert "at the end" in caplog.text

    async def test_start_busy_port_raises_error_and_closes_everything(
        self, unused_tcp_port_factory: Callable[[], int]
    ) -> None:
        first = local()
        await first.start()
        port = first.servers["http"].port or 0
        second = Application(settings=Settings(http=HttpSettings(port=port)), modules=[services])
        try:
            with pytest.raises(ServerStartError, match=f":{port}: the port is in use; stop"):
                await second.start()
        finally:
            await first.stop()

        assert TRACE[-1] == "close database"
        with pytest.raises(RxKernelError):
            _ = second.kernel

    async def test_start_after_stop_opens_a_port_again(self) -> None:
        """As in RxStack, the servers get new engines."""
        application = local(controllers=[Controller], modules=[services])
        ports = []
        for _ in range(2):
            await application.start()
            ports.append(application.servers["http"].port)
            await application.stop()

        assert all(ports)

    async def test_stop_concurrent_calls_run_once(self) -> None:
        entered, release = asyncio.Event(), asyncio.Event()

        class Slow:
            @http("GET", "/", "slow")
            async def slow(self, request: Request) -> str:
                entered.set()
                await release.wait()
                TRACE.append("answered")
                return "done"

        application = local(controllers=[Slow], modules=[services])
        await application.start()
        async with aiohttp.ClientSession() as session:
            asking = asyncio.ensure_future(session.get(str(application.servers["http"].url)))
            await entered.wait()
            stopping = [asyncio.ensure_future(application.stop()) for _ in range(2)]
            await asyncio.sleep(0)
            release.set()
            assert await asyncio.gather(*stopping) == [True, True]
            assert (await asking).status == 200

        assert TRACE[2:] == ["answered", "close repository", "close database"]

    async def test_async_with_after_start_stops_servers(self) -> None:
        async with local(controllers=[Controller], modules=[services]) as application:
            await application.start()
            await application.start()
            server = application.servers["http"]
            address = (server.host, server.port)

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        assert TRACE[-1] == "close database"

    async def test_stop_without_boot_does_nothing(self) -> None:
        await Application().stop()


@pytest.mark.parametrize("name", ["bundles", "controllers", "listeners", "modules", "settings"])
async def test_set_argument_after_boot_raises_error(name: str) -> None:
    """Such an assignment would have no effect: the servers use the settings that boot has read."""
    application = local(controllers=[Controller], modules=[services])
    value = getattr(application, name)

    async with application:
        with pytest.raises(RxKernelError, match=rf"application\.{name} is set after boot"):
            setattr(application, name, value)

    setattr(application, name, value)
