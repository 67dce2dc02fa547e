"""`Application.reload`: other routes while the application runs, all of them or none."""

import asyncio
import gc
import re
import weakref
from types import ModuleType
from typing import Any

import pytest
from injector import Binder, inject, singleton

from rxkernel import (
    Application,
    ApplicationEvents,
    CompiledEvent,
    ConfigurationError,
    DefinitionEvent,
    HttpMetadata,
    HttpSettings,
    KernelClient,
    KernelEvents,
    ProcedureMetadata,
    ReloadEvent,
    Request,
    RequestEvent,
    RxKernelError,
    ServerEvents,
    Settings,
    WebSocketMetadata,
    both,
    http,
    observe,
    websocket,
)


class Words:
    def __init__(self) -> None:
        self.word = "old"


class Old:
    @inject
    def __init__(self, words: Words) -> None:
        self.words = words

    @both("GET", "/say/{name}", "say")
    async def say(self, name: str) -> str:
        return f"{self.words.word} {name}"

    @http("GET", "/stays", "stays")
    async def stays(self, request: Request) -> str:
        return "stays"


class New:
    @inject
    def __init__(self, words: Words) -> None:
        self.words = words

    @both("GET", "/say/{name}/{greeting}", "say")
    async def say(self, name: str, greeting: str) -> str:
        return f"{greeting} {name}"

    @http("POST", "/more", "more")
    async def more(self, request: Request) -> str:
        return "more"


def configure(binder: Binder) -> None:
    binder.bind(Words, scope=singleton)


def application(*controllers: Any, **parts: Any) -> Application:
    return Application(controllers=controllers or [Old], modules=[configure], **parts)


def names(definitions: Any) -> list[tuple[str, str]]:
    return [(definition.transport, definition.name) for definition in definitions]


async def test_reload_swaps_controllers_and_returns_changes() -> None:
    async with KernelClient(application()) as client:
        before = client.application.kernel.compiled

        event = await client.application.reload(remove=[Old], controllers=[New])

        params = {"name": "ada", "greeting": "hi"}
        assert (await client.http("say", params=params)).content == "hi ada"
        assert (await client.websocket("say", params=params)).content == "hi ada"
        assert (await client.http("more")).content == "more"
        with pytest.raises(KeyError, match="no definition 'stays'"):
            await client.http("stays")

    assert names(event.added) == [("HTTP", "more")]
    assert names(event.changed) == [("HTTP", "say"), ("SOCKET", "say")]
    assert names(event.removed) == [("HTTP", "stays")]
    assert [d.metadata.target for d in event.changed] == [New, New]
    assert event.compiled is not before


async def test_reload_keeps_other_definitions() -> None:
    app = application()
    async with app:
        kernel = app.kernel
        stays, say = kernel.http_definitions["stays"], kernel.http_definitions["say"]

        event = await app.reload(
            remove=[say], add=[HttpMetadata(Old, "say", "/other/{name}", "GET", "say")]
        )

        assert kernel.http_definitions["stays"] is stays
        assert names(event.changed) == [("HTTP", "say")]
        assert kernel.http_definitions["say"].path == "/other/{name}"
        found = kernel.compiled.http_router.find("GET", "/other/x")
        assert found is not None
        assert found[0].name == "say"
        assert app.http_metadata_storage.get("say") is kernel.http_definitions["say"].metadata


async def test_removed_definition_handles_requests_routed_before() -> None:
    """A request that was routed before the reload ends with the old definition."""
    app = application()
    async with app:
        kernel = app.kernel
        old = kernel.http_definitions["say"]
        await app.reload(remove=[Old], controllers=[New])

        request = Request("HTTP", params={"name": "ada"})
        response = await kernel.answer(old, request)
        kernel.terminate(request, response)

        assert response.content == "old ada"
        assert (await old.handler(Request("HTTP", params={"name": "x"}))).content == "old x"


async def test_reload_message_in_flight_keeps_its_definition() -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), []

    class Slow:
        @http("GET", "/slow", "slow")
        async def slow(self, request: Request) -> str:
            begun.set()
            await go_on.wait()
            return "old"

    class Fast:
        @http("GET", "/slow", "slow")
        async def slow(self, request: Request) -> str:
            return "new"

    class Ends:
        @observe(KernelEvents.KERNEL_TERMINATE)
        async def end(self, event: Any) -> None:
            ended.append((event.response.content, event.request.definition.metadata.target))

    async with KernelClient(application(Slow, listeners=[Ends])) as client:
        in_flight = asyncio.create_task(client.http("slow"))
        await begun.wait()
        await client.application.reload(remove=[Slow], controllers=[Fast])
        assert (await client.http("slow")).content == "new"
        go_on.set()
        assert (await in_flight).content == "old"

    assert ended == [("new", Fast), ("old", Slow)]


class RejectsDefinition:
    @observe(KernelEvents.KERNEL_DEFINITION)
    async def refuse(self, event: DefinitionEvent) -> None:
        if event.definition.name == "refused":
            raise ConfigurationError("refused by a listener")


class NeedsUnbound:
    @inject
    def __init__(self, missing: bytes) -> None: ...

    @http("GET", "/unbound", "unbound")
    async def show(self, request: Request) -> None: ...


class Raises:
    def __init__(self) -> None:
        raise OSError("no disk")

    @http("GET", "/raises", "raises")
    async def show(self, request: Request) -> None: ...


class Managed:
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *exc: object) -> None: ...

    @http("GET", "/managed", "managed")
    async def show(self, request: Request) -> None: ...


class UnknownEvent:
    @http("GET", "/deaf", "deaf")
    async def show(self, request: Request) -> None: ...

    @observe("kernel.requst")
    async def listen(self, event: RequestEvent) -> None: ...


class BrokenOnly:
    @http("GET", "/picky", "picky")
    async def show(self, request: Request) -> None: ...

    @observe(KernelEvents.KERNEL_REQUEST, only=lambda definition: definition.missing)
    async def listen(self, event: RequestEvent) -> None: ...


class Routeless: ...


def metadata(name: str, path: str = "/x", action: str = "say") -> HttpMetadata:
    return HttpMetadata(Old, name, path, "GET", action)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"add": [metadata("say")]}, "route name 'say' is used twice"),
        ({"add": [metadata("x", "/stays")]}, "match the same requests"),
        ({"add": [metadata("x", action="sya")]}, "has no such method"),
        ({"add": [HttpMetadata(New, "x", "/x", "GET", "say")]}, "not a registered controller"),
        ({"add": [HttpMetadata(Old, "x", "/x", "GET", "say", {"acces": 1})]}, "option 'acces'"),
        ({"add": [ProcedureMetadata(Old, "x", "say", "LINES")]}, "no enabled bundle serves"),
        ({"add": [metadata("refused", "/x/{name}")]}, "refused by a listener"),
        ({"remove": [New]}, r"remove contains tests\..*New, which has no route"),
        ({"remove": [metadata("say")]}, "which has no route in this application"),
        ({"remove": ["say"]}, "remove contains 'say', which has no route"),
        ({"controllers": [NeedsUnbound]}, "asks for bytes, which nothing binds"),
        ({"controllers": [Raises]}, "no disk"),
        ({"controllers": [Managed]}, "is an async context manager"),
        ({"controllers": [UnknownEvent]}, "did you mean 'kernel.request'"),
        ({"controllers": [BrokenOnly]}, "only= of listener"),
        ({"controllers": [Routeless]}, "Routeless has no route"),
        ({"add": ["x"]}, "'x' is not a route; pass an HttpMetadata"),
        ({"controllers": [ModuleType("empty")]}, "controller empty has no route"),
        ({"controllers": [Old]}, "is used twice"),
    ],
)
async def test_failed_reload_changes_nothing(change: dict[str, Any], message: str) -> None:
    heard: list[CompiledEvent] = []

    async def hear(event: CompiledEvent) -> None:
        heard.append(event)

    app = application(listeners=[RejectsDefinition])
    async with KernelClient(app) as client:
        app.dispatcher.add_listener(KernelEvents.KERNEL_COMPILED, hear)
        compiled, routes = app.kernel.compiled, app.http_metadata_storage.all()
        listeners = app.dispatcher.get_listeners(KernelEvents.KERNEL_REQUEST)

        with pytest.raises(ConfigurationError, match=message):
            await app.reload(**change)

        assert app.kernel.compiled is compiled
        assert app.http_metadata_storage.all() == routes
        assert app.dispatcher.get_listeners(KernelEvents.KERNEL_REQUEST) == listeners
        assert (await client.http("say", params={"name": "ada"})).content == "old ada"
        assert not heard
        event = await app.reload(add=[metadata("added", "/added/{name}")])
        assert names(event.added) == [("HTTP", "added")], "the next reload fails"


async def test_reload_reports_every_problem_at_once() -> None:
    app = application()
    async with app:
        with pytest.raises(ConfigurationError) as caught:
            await app.reload(
                remove=[New], add=[metadata("say")], controllers=[NeedsUnbound, Raises]
            )

    assert len(caught.value.problems) == 4


async def test_reload_adds_and_removes_listeners_of_controllers() -> None:
    heard: list[str] = []

    def listening(word: str) -> type:
        class Listening:
            @http("GET", "/", "index")
            async def index(self, request: Request) -> str:
                return word

            @observe(KernelEvents.KERNEL_REQUEST)
            async def hear(self, event: RequestEvent) -> None:
                heard.append(word)

        return Listening

    one, two = listening("one"), listening("two")
    async with KernelClient(application(Old, one)) as client:
        await client.http("stays")
        await client.application.reload(remove=[one], controllers=[two])
        await client.http("stays")
        assert (await client.http("index")).content == "two"
        await client.application.reload(remove=[two], controllers=[two()])
        await client.http("stays")
        instance = client.application.kernel.http_definitions["index"].metadata.target
        await client.application.reload(remove=[instance])
        await client.http("stays")

    assert heard == ["one", "two", "two", "two"]


async def test_kernel_compiled_is_dispatched_at_boot_and_a_failing_listener_is_logged_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[CompiledEvent] = []

    class Hears:
        @observe(KernelEvents.KERNEL_COMPILED)
        async def hear(self, event: CompiledEvent) -> None:
            heard.append(event)
            if len(heard) > 1:
                raise RuntimeError("broken")

    app = application(listeners=[Hears])
    async with app:
        await app.reload(add=[metadata("added", "/added/{name}")])
        assert "added" in app.kernel.http_definitions

    assert names(heard[0].added) == [("HTTP", "say"), ("HTTP", "stays"), ("SOCKET", "say")]
    assert names(heard[1].added) == [("HTTP", "added")]
    assert "of kernel.compiled failed" in caplog.text


async def test_only_on_kernel_compiled_raises_error() -> None:
    class Hears:
        @observe(KernelEvents.KERNEL_COMPILED, only=lambda definition: True)
        async def hear(self, event: CompiledEvent) -> None: ...

    with pytest.raises(ConfigurationError, match="remove it"):
        await application(listeners=[Hears]).boot()


async def test_reload_without_boot_raises_error() -> None:
    with pytest.raises(RxKernelError, match="not booted"):
        await application().reload()


async def test_reload_compiles_routes_added_to_storages() -> None:
    app = application()
    async with KernelClient(app) as client:
        app.websocket_metadata_storage.add(WebSocketMetadata(Old, "more", "/x", "stays"))
        event = await app.reload()
        assert (await client.websocket("/x:more")).content == "stays"

    assert names(event.added) == [("SOCKET", "more")]
    assert len(app.websocket_metadata_storage) == 0, "stop must restore the storage as before boot"


async def test_reload_concurrent_calls_run_in_order() -> None:
    app = application()
    async with app:
        await asyncio.gather(
            *(app.reload(add=[metadata(f"added{n}", f"/added{n}/{{name}}")]) for n in range(10))
        )
        assert len(app.kernel.http_definitions) == 12


async def test_reload_frees_removed_controllers() -> None:
    """Live reload: after a hundred changes there must not be a hundred controllers in memory."""

    def version(number: int) -> type:
        class Version:
            @http("GET", "/", "index")
            @websocket("index")
            async def index(self, request: Request) -> int:
                return number

        return Version

    app = application(Old)
    async with KernelClient(app) as client:
        current = version(0)
        await app.reload(controllers=[current])
        seen = weakref.WeakSet([current])
        for number in range(1, 10):
            replaced, current = current, version(number)
            await app.reload(remove=[replaced], controllers=[current])
            assert (await client.http("index")).content == number
            assert (await client.websocket("index")).content == number
            seen.add(current)
        del replaced
        gc.collect()
        assert set(seen) == {current}


class Counted:
    made = 0

    def __init__(self) -> None:
        Counted.made += 1
        self.number = Counted.made
        self.heard = 0

    @http("GET", "/number", "number")
    async def show(self, request: Request) -> list[int]:
        return [self.number, self.heard]

    @observe(KernelEvents.KERNEL_REQUEST)
    async def hear(self, event: RequestEvent) -> None:
        self.heard += 1


async def test_reload_controller_removed_and_added_is_new_instance() -> None:
    """Also its listeners: the old instance is not called any more."""
    Counted.made = 0
    app = application(Counted)
    async with KernelClient(app) as client:
        for number in (1, 2, 3):
            assert (await client.http("number")).content == [number, 1]
            assert len(app.dispatcher.get_listeners(KernelEvents.KERNEL_REQUEST)) == 1
            assert app.injector.get(Counted).number == number
            await app.reload(remove=[Counted], controllers=[Counted])
        await app.reload(remove=[Counted])
        assert not app.dispatcher.get_listeners(KernelEvents.KERNEL_REQUEST)


async def test_reload_controller_bound_by_module_keeps_instance() -> None:
    def bind(binder: Binder) -> None:
        binder.bind(Counted, scope=singleton)

    Counted.made = 0
    app = Application(controllers=[Counted], modules=[bind])
    async with KernelClient(app) as client:
        await app.reload(remove=[Counted], controllers=[Counted])
        assert (await client.http("number")).content == [1, 1]


async def test_reload_instance_removed_and_added_listens_once() -> None:
    instance = Counted()
    app = application(instance)
    async with app:
        await app.reload(remove=[instance], controllers=[instance])
        assert len(app.dispatcher.get_listeners(KernelEvents.KERNEL_REQUEST)) == 1


async def test_reload_controller_without_labels_is_added_with_metadata() -> None:
    """As at boot: a source of routes may create metadata without labels."""

    class Hand:
        async def wave(self, request: Request) -> str:
            return "waves"

    async with KernelClient(application()) as client:
        route = HttpMetadata(Hand, "wave", "/wave", "GET", "wave")
        await client.application.reload(controllers=[Hand], add=[route])
        assert (await client.http("wave")).content == "waves"


async def test_reload_adds_and_removes_controller_with_listeners_only() -> None:
    heard: list[str] = []

    class Hears:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def hear(self, event: RequestEvent) -> None:
            heard.append("heard")

    async with KernelClient(application()) as client:
        await client.application.reload(controllers=[Hears])
        await client.http("stays")
        await client.application.reload(remove=[Hears])
        await client.http("stays")

    assert heard == ["heard"]


@pytest.mark.parametrize(
    "event_name",
    [ApplicationEvents.BOOTSTRAP, KernelEvents.KERNEL_DEFINITION, KernelEvents.KERNEL_COMPILED],
)
@pytest.mark.parametrize("call", ["boot", "reload"])
async def test_boot_or_reload_within_boot_raises_error(event_name: str, call: str) -> None:
    app = application()

    async def begin(event: Any) -> None:
        await getattr(app, call)()

    app.dispatcher.add_listener(event_name, begin)
    async with asyncio.timeout(20):
        with pytest.raises(RxKernelError, match=r"not finished|within boot"):
            await app.boot()


async def test_reload_listener_adds_and_removes_routes_of_the_next_state() -> None:
    app = application()
    extra = metadata("extra", "/extra/{name}")

    async def change(event: ReloadEvent) -> None:
        if extra in event.routes:
            event.routes.remove(extra)
        else:
            event.routes.append(extra)

    async with app:
        app.dispatcher.add_listener(ApplicationEvents.RELOAD, change)
        assert names((await app.reload()).added) == [("HTTP", "extra")]
        assert names((await app.reload()).removed) == [("HTTP", "extra")]


@pytest.mark.parametrize("is_clash", [True, False])
async def test_reload_listener_that_fails_changes_nothing(is_clash: bool) -> None:
    app = application()

    async def change(event: ReloadEvent) -> None:
        if not is_clash:
            raise ConfigurationError("stays")
        event.routes.append(metadata("stays", "/other/{name}"))

    async with app:
        before = app.kernel.compiled
        app.dispatcher.add_listener(ApplicationEvents.RELOAD, change)
        with pytest.raises(ConfigurationError, match="stays"):
            await app.reload(add=[metadata("added", "/added/{name}")])
        assert app.kernel.compiled is before


@pytest.mark.parametrize("event_name", [ApplicationEvents.RELOAD, KernelEvents.KERNEL_DEFINITION])
async def test_reload_within_reload_raises_error(event_name: str) -> None:
    app = application()

    async def reload(event: DefinitionEvent) -> None:
        await app.reload()

    async with app, asyncio.timeout(20):
        app.dispatcher.add_listener(event_name, reload)
        with pytest.raises(RxKernelError, match=r"within reload\(\) itself"):
            await app.reload(add=[metadata("added", "/added/{name}")])


async def test_reload_in_listener_of_kernel_compiled_adds_routes() -> None:
    app = application()

    async def reload(event: CompiledEvent) -> None:
        if names(event.added) == [("HTTP", "first")]:
            await app.reload(add=[metadata("second", "/second/{name}")])

    async with app, asyncio.timeout(20):
        app.dispatcher.add_listener(KernelEvents.KERNEL_COMPILED, reload)
        await app.reload(add=[metadata("first", "/first/{name}")])
        assert "second" in app.kernel.http_definitions


@pytest.mark.parametrize("event_name", [ServerEvents.STOPPING, ApplicationEvents.SHUTDOWN])
async def test_reload_while_stopping_raises_error(event_name: str) -> None:
    app = application(settings=Settings(http=HttpSettings(port=0)))
    failures: list[RxKernelError] = []

    async def reload(event: Any) -> None:
        try:
            await app.reload()
        except RxKernelError as error:
            failures.append(error)

    app.dispatcher.add_listener(event_name, reload)
    await app.start()
    async with asyncio.timeout(20):
        assert await app.stop()

    assert failures
    assert {type(failure) for failure in failures} == {RxKernelError}


async def test_application_is_injected_and_reloads_from_a_controller() -> None:
    class Admin:
        @inject
        def __init__(self, application: Application) -> None:
            self.application = application

        @http("POST", "/add", "add")
        async def add(self, request: Request) -> list[str]:
            event = await self.application.reload(add=[metadata("added", "/added/{name}")])
            return [definition.name for definition in event.added]

    async with KernelClient(application(Old, Admin)) as client:
        assert (await client.http("add")).content == ["added"]
        assert (await client.http("added", params={"name": "x"})).content == "old x"
        assert client.application.injector.get(Application) is client.application


async def test_application_bound_by_hand_is_not_entered_by_its_own_boot() -> None:
    app = application()
    app.modules = (*app.modules, lambda binder: binder.bind(Application, to=app))
    async with asyncio.timeout(20), app:
        assert app.injector.get(Application) is app


async def test_module_binding_an_application_raises_error() -> None:
    app = application()
    app.modules = (*app.modules, lambda binder: binder.bind(Application, scope=singleton))

    with pytest.raises(ConfigurationError, match="a module binds Application"):
        await app.boot()


async def test_stop_within_reload_raises_error_and_changes_nothing() -> None:
    app = application(settings=Settings(http=HttpSettings(port=0)))

    async def stop(event: DefinitionEvent) -> None:
        await app.stop()

    async with asyncio.timeout(20):
        await app.start()
        app.dispatcher.add_listener(KernelEvents.KERNEL_DEFINITION, stop)
        with pytest.raises(RxKernelError, match=r"within reload\(\) itself"):
            await app.reload(add=[metadata("added", "/added/{name}")])
        assert app.servers.is_serving
        app.dispatcher.remove_listener(KernelEvents.KERNEL_DEFINITION, stop)
        await app.reload(add=[metadata("added", "/added/{name}")])
        assert await app.stop()


@pytest.mark.parametrize("call", ["start", "stop"])
@pytest.mark.parametrize(
    "event_name",
    [
        ApplicationEvents.BOOTSTRAP,
        KernelEvents.KERNEL_COMPILED,
        ServerEvents.STARTED,
        ServerEvents.STOPPING,
        ApplicationEvents.SHUTDOWN,
    ],
)
async def test_start_or_stop_within_start_or_stop_raises_error(event_name: str, call: str) -> None:
    app = application(settings=Settings(http=HttpSettings(port=0)))
    failures: list[RxKernelError] = []

    async def begin(event: Any) -> None:
        try:
            await getattr(app, call)()
        except RxKernelError as error:
            failures.append(error)

    app.dispatcher.add_listener(event_name, begin)
    async with asyncio.timeout(20):
        await app.start()
        assert await app.stop()

    assert failures
    assert all(re.search(r"within start\(\) or stop\(\) itself", str(f)) for f in failures)


async def test_boot_while_stopping_waits_for_stop() -> None:
    closing, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def __aenter__(self) -> None: ...

        async def __aexit__(self, *exc: object) -> None:
            closing.set()
            await go_on.wait()

    app = application()
    app.modules = (*app.modules, lambda binder: binder.bind(Slow, scope=singleton))
    async with asyncio.timeout(20):
        await app.boot()
        stopping = asyncio.create_task(app.stop())
        await closing.wait()
        booting = asyncio.create_task(app.boot())
        go_on.set()
        await asyncio.gather(stopping, booting)
        assert "say" in app.kernel.http_definitions
        await app.stop()


async def test_reload_keeps_override_of_controller() -> None:
    class Fake(Old):
        @inject
        def __init__(self, words: Words) -> None:
            super().__init__(words)
            self.words = Words()
            self.words.word = "fake"

    app = application()
    async with KernelClient(app, overrides={Old: Fake}) as client:
        assert (await client.http("say", params={"name": "ada"})).content == "fake ada"
        await app.reload(remove=[Old], controllers=[Old])
        assert (await client.http("say", params={"name": "ada"})).content == "fake ada"


async def test_reload_instance_with_listeners_only_listens_once_and_is_removed() -> None:
    class Hears:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def hear(self, event: RequestEvent) -> None: ...

    def listeners() -> int:
        return len(app.dispatcher.get_listeners(KernelEvents.KERNEL_REQUEST))

    hears = Hears()
    app = application(Old, hears)
    async with app:
        await app.reload(controllers=[hears])
        assert listeners() == 1
        await app.reload(remove=[hears])
        assert listeners() == 0
        await app.reload(controllers=[hears])
        assert listeners() == 1


async def test_class_passed_as_controller_and_listener_listens_once() -> None:
    app = application(Counted, listeners=[Counted])
    async with app:
        assert len(app.dispatcher.get_listeners(KernelEvents.KERNEL_REQUEST)) == 1


async def test_reload_calls_when_swapped_before_any_message_or_listener() -> None:
    seen: list[object] = []

    class Watch:
        @observe(KernelEvents.KERNEL_COMPILED)
        async def compiled(self, event: CompiledEvent) -> None:
            seen.append("compiled")

    app = application(listeners=[Watch])
    await app.boot()
    seen.clear()

    def when_swapped() -> None:
        seen.append([definition.name for definition in app.kernel.http_definitions])

    await app.reload(remove=[Old], controllers=[New], when_swapped=when_swapped)

    assert seen == [["say", "more"], "compiled"]
    await app.stop()


async def test_reload_before_swap_is_awaited_after_compilation_and_before_swap() -> None:
    seen: list[object] = []
    app = application()
    await app.boot()

    def names() -> list[str]:
        return [definition.name for definition in app.kernel.http_definitions]

    async def before_swap() -> None:
        await asyncio.sleep(0)
        seen.append(names())
        asyncio.get_running_loop().call_soon(seen.append, "next step")

    def when_swapped() -> None:
        seen.append(names())

    await app.reload(
        remove=[Old], controllers=[New], before_swap=before_swap, when_swapped=when_swapped
    )
    await asyncio.sleep(0)

    assert seen == [["say", "stays"], ["say", "more"], "next step"]
    await app.stop()


async def test_reload_changes_nothing_if_before_swap_fails() -> None:
    app = application()
    await app.boot()

    async def fail() -> None:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        await app.reload(
            remove=[Old],
            controllers=[New],
            before_swap=fail,
            when_swapped=lambda: pytest.fail("was called"),
        )
    assert [definition.name for definition in app.kernel.http_definitions] == ["say", "stays"]
    await app.stop()


async def test_reload_that_fails_does_not_call_before_swap_or_when_swapped() -> None:
    app = application()
    await app.boot()

    async def before_swap() -> None:
        pytest.fail("was called")

    with pytest.raises(ConfigurationError):
        await app.reload(
            controllers=[New],
            before_swap=before_swap,
            when_swapped=lambda: pytest.fail("was called"),
        )
    await app.stop()


async def test_reload_prepares_in_several_steps_of_the_event_loop() -> None:
    """Compiling thousands of routes takes long; messages are handled meanwhile."""

    class One:
        @http("GET", "/one", "one")
        async def one(self) -> str:
            return "one"

    class Two:
        @http("GET", "/two", "two")
        async def two(self) -> str:
            return "two"

    served: list[bool] = []
    async with Application(controllers=[One]) as application:

        async def look() -> None:
            while True:
                served.append("two" in application.kernel.http_definitions)
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        await application.reload(controllers=[Two])
        looking.cancel()
        assert "two" in application.kernel.http_definitions

    assert served == [False, False]
