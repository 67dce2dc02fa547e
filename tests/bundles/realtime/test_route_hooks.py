"""The results and errors of hooks, and routes of files with other parts of an application."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from injector import inject

from bundles.contracts import ContractsBundle, contract
from bundles.realtime import AppHandle, Controller, IOServerError, Middleware
from bundles.security import (
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
    access,
)
from rxkernel import (
    ConfigurationError,
    DefinitionEvent,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    StreamResponse,
    observe,
)
from tests.bundles.realtime.conftest import ServeRoutes
from tests.bundles.realtime.route_files import application_of, entry, write_routes


class HooksController(Controller):
    async def json(self) -> dict[str, int]:
        return {"a": 1}

    async def text(self) -> str:
        return "text"

    async def nothing(self) -> None: ...

    async def created(self) -> Response:
        return Response({"a": 1}, 201, {"X-A": "1"})

    async def stream(self) -> Response:
        return StreamResponse([b"a", b"b"])

    async def typed(self, n: int) -> int:
        return n

    async def fail(self) -> None:
        raise IOServerError("failed", 409)

    async def crash(self) -> None:
        raise ValueError("secret")

    async def wrap(self, request: Request, payload: Any) -> Any:
        return {"wrapped": payload}

    async def keep(self, request: Request, payload: Any) -> None: ...

    async def mark(self, request: Request, response: Response) -> None:
        response.headers["X-Mark"] = str(response.status_code)

    async def replace(self, request: Request, response: Response) -> Response:
        return Response("replaced", 202)

    async def crash_on_send(self, request: Request, response: Response) -> None:
        raise ValueError("hook failed")

    async def crash_once(self, request: Request, response: Response) -> None:
        if request.attributes.setdefault("calls", 0) == 0:
            request.attributes["calls"] = 1
            raise ValueError("hook failed")

    async def crash_on_error(self, request: Request, error: Exception) -> None:
        raise ValueError("hook failed")

    async def plain_value(self, request: Request, error: Exception) -> dict[str, str]:
        return {"own": str(error)}

    async def not_mine(self, request: Request, error: Exception) -> None: ...

    async def another(self, request: Request, error: Exception) -> None:
        raise IOServerError("another", 410) from error

    async def wrong(self, request: Request) -> Any:
        return {"not": "a response"}


@pytest.mark.parametrize(
    ("handler", "hooks", "status", "text"),
    [
        ("json", "wrap", 200, '{"wrapped":{"a":1}}'),
        ("json", ["wrap", "keep", "wrap"], 200, '{"wrapped":{"wrapped":{"a":1}}}'),
        ("created", "wrap", 201, '{"wrapped":{"a":1}}'),
        ("text", "wrap", 200, "text"),
        ("nothing", "wrap", 200, ""),
        ("stream", "wrap", 200, "ab"),
    ],
)
async def test_pre_serialization_replaces_values_that_become_json(
    serve_routes: ServeRoutes, tmp_path: Path, handler: str, hooks: Any, status: int, text: str
) -> None:
    write_routes(tmp_path, "hooks", entry("GET", "/x", handler, preSerialization=hooks))
    site = await serve_routes(HooksController)

    answer = await site("GET", "/hooks/x")

    assert (answer.status if answer.text else 200, answer.text) == (status, text)


async def test_on_send_changes_or_replaces_responses_and_errors(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(
        tmp_path,
        "hooks",
        entry("GET", "/json", "json", onSend="mark"),
        entry("GET", "/fail", "fail", onSend="mark"),
        entry("GET", "/both", "json", onSend=["replace", "mark"]),
        entry("GET", "/crash", "json", onSend="crash_on_send"),
    )
    site = await serve_routes(HooksController)

    assert (await site("GET", "/hooks/json")).headers["X-Mark"] == "200"
    failed = await site("GET", "/hooks/fail")
    assert (failed.status, failed.headers["X-Mark"]) == (409, "409")
    both = await site("GET", "/hooks/both")
    assert (both.status, both.text, both.headers["X-Mark"]) == (202, "replaced", "202")
    assert (await site("GET", "/hooks/crash")).status == 500


@pytest.mark.parametrize(
    ("handler", "hooks"),
    [
        ("json", {"onSend": "crash_on_send"}),
        ("crash", {"onSend": "crash_on_send"}),
        ("fail", {"onSend": "crash_on_send", "errorHandler": "plain_value"}),
        ("fail", {"onSend": "crash_once"}),
        ("fail", {"errorHandler": "crash_on_error"}),
        ("crash", {"errorHandler": "crash_on_error", "onSend": "crash_on_send"}),
    ],
)
async def test_hook_of_the_response_that_fails_is_500_in_the_body_of_ioserver(
    serve_routes: ServeRoutes,
    tmp_path: Path,
    handler: str,
    hooks: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_routes(tmp_path, "hooks", entry("GET", "/x", handler, **hooks))
    site = await serve_routes(HooksController)

    answer = await site("GET", "/hooks/x")

    body = {"statusCode": 500, "error": "Internal Server Error"}
    assert (answer.status, answer.json) == (500, {**body, "message": "Internal Server Error"})
    assert "hook failed" in caplog.text
    assert ("secret" in caplog.text) is (handler == "crash")


async def test_on_send_that_fails_reaches_the_error_handler(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    hooks = {"onSend": "crash_once", "errorHandler": "plain_value"}
    write_routes(tmp_path, "hooks", entry("GET", "/x", "json", **hooks))
    site = await serve_routes(HooksController)

    assert (await site("GET", "/hooks/x")).json == {"own": "hook failed"}


@pytest.mark.parametrize(
    ("handler", "hooks", "status", "body"),
    [
        ("fail", "plain_value", 409, {"own": "failed"}),
        ("crash", "plain_value", 500, {"own": "secret"}),
        ("fail", ["not_mine", "plain_value"], 409, {"own": "failed"}),
        (
            "fail",
            "another",
            410,
            {"statusCode": 410, "error": "IOServerError", "message": "another"},
        ),
        (
            "fail",
            "not_mine",
            409,
            {"statusCode": 409, "error": "IOServerError", "message": "failed"},
        ),
    ],
)
async def test_error_handler_that_returns_or_raises_replaces_the_response(
    serve_routes: ServeRoutes,
    tmp_path: Path,
    handler: str,
    hooks: Any,
    status: int,
    body: dict[str, Any],
) -> None:
    write_routes(tmp_path, "hooks", entry("GET", "/x", handler, errorHandler=hooks))
    site = await serve_routes(HooksController)

    answer = await site("GET", "/hooks/x")

    assert (answer.status, answer.json) == (status, body)


@pytest.mark.parametrize("key", ["onRequest", "preParsing", "preValidation", "preHandler"])
async def test_hook_that_returns_no_response_is_500(
    serve_routes: ServeRoutes, tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_routes(tmp_path, "hooks", entry("GET", "/x", "json", **{key: "wrong"}))
    site = await serve_routes(HooksController)

    assert (await site("GET", "/hooks/x")).status == 500
    assert "HooksController.wrong returned {'not': 'a response'}; return a Response" in caplog.text


async def test_invalid_typed_argument_is_422_in_the_body_of_ioserver(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(tmp_path, "hooks", entry("GET", "/x", "typed"))
    site = await serve_routes(HooksController)

    answer = await site("GET", "/hooks/x?n=a")

    assert answer.status == 422
    assert answer.json["error"] == "Unprocessable Content"
    assert answer.json["errors"][0]["path"] == "params.n"


class Counting:
    def __init__(self) -> None:
        self.names: list[str | None] = []

    @observe(KernelEvents.KERNEL_REQUEST)
    async def count(self, event: RequestEvent) -> None:
        self.names.append(event.request.route_name)


async def test_listener_of_the_kernel_sees_each_request_of_a_controller(tmp_path: Path) -> None:
    write_routes(tmp_path, "hooks", entry("GET", "/x", "json", preHandler=[]))
    counting = Counting()
    async with KernelClient(
        application_of(tmp_path, HooksController, listeners=[counting])
    ) as client:
        assert (await client.http("hooks_json")).content == {"a": 1}

    assert counting.names == ["hooks_json"]


async def test_reload_adds_and_removes_a_controller(tmp_path: Path) -> None:
    class OtherController(HooksController):
        pass

    write_routes(tmp_path, "hooks", entry("GET", "/x", "json"))
    write_routes(tmp_path, "other", entry("GET", "/x", "no"))
    async with application_of(tmp_path, HooksController) as application:
        with pytest.raises(ConfigurationError, match=r"other\.json, entry 1: handler is 'no'"):
            await application.reload(controllers=[OtherController])
        write_routes(tmp_path, "other", entry("GET", "/x", "json"))
        await application.reload(controllers=[OtherController], remove=[HooksController])

        names = [definition.name for definition in application.kernel.http_definitions]
        assert "other_json" in names
        assert "hooks_json" not in names


class Actions:
    """Compares the action of each definition before and after other listeners."""

    def __init__(self) -> None:
        self.before: dict[str, Any] = {}
        self.unchanged: list[str] = []

    @observe(KernelEvents.KERNEL_DEFINITION, priority=1_000)
    async def first(self, event: DefinitionEvent) -> None:
        self.before[event.definition.name] = event.action

    @observe(KernelEvents.KERNEL_DEFINITION, priority=-1_000)
    async def last(self, event: DefinitionEvent) -> None:
        if event.action is self.before[event.definition.name]:
            self.unchanged.append(event.definition.name)


async def test_route_without_hooks_and_schemas_has_no_wrapper(tmp_path: Path) -> None:
    write_routes(
        tmp_path,
        "hooks",
        entry("GET", "/a", "json", bodyLimit=10, config={"a": 1}),
        entry("GET", "/b", "text", preHandler="wrong"),
    )
    actions = Actions()
    async with application_of(tmp_path, HooksController, listeners=[actions]):
        assert "hooks_json" in actions.unchanged
        assert "hooks_text" not in actions.unchanged


class Greeter:
    def greet(self, name: str) -> str:
        return f"Hello {name}"


class Greeting(Middleware):
    @inject
    def __init__(self, greeter: Greeter) -> None:
        self.greeter = greeter

    async def http(self, request: Request) -> None:
        request.attributes["greeting"] = self.greeter.greet("Ada")


class GreetingsController(Controller, middlewares=[Greeting]):
    @inject
    def __init__(self, app_handle: AppHandle, greeter: Greeter) -> None:
        super().__init__(app_handle)
        self.greeter = greeter

    async def greet(self, name: str, request: Request) -> list[str]:
        return [self.greeter.greet(name), request.attributes["greeting"]]


async def test_controller_and_middleware_take_services(tmp_path: Path) -> None:
    write_routes(tmp_path, "greetings", entry("GET", "/:name", "greet"))
    application = application_of(
        tmp_path, GreetingsController, modules=[lambda binder: binder.bind(Greeter)]
    )
    async with KernelClient(application) as client:
        response = await client.http("greetings_greet", params={"name": "Bob"})

    assert response.content == ["Hello Bob", "Hello Ada"]


class Locked(Middleware):
    async def http(self, request: Request) -> None:
        if "X-Key" not in request.headers:
            raise IOServerError("locked", 423)


class BooksController(Controller, middlewares=[Locked]):
    @contract(parameters={"n": "number"})
    async def show(self, n: float) -> float:
        return n


async def test_middlewares_run_before_contracts_check_arguments(tmp_path: Path) -> None:
    write_routes(tmp_path, "books", entry("GET", "/x", "show"))
    application = application_of(tmp_path, BooksController, bundles=[ContractsBundle()])
    async with KernelClient(application) as client:
        locked = await client.http("books_show", params={"n": "a"})
        open_ = await client.http("books_show", params={"n": "a"}, headers={"X-Key": "k"})

    assert (locked.status_code, open_.status_code) == (423, 422)


class NoUsers(UserProvider[Any]):
    async def load(self, identifier: str) -> Any:
        return None


SECURITY = SecuritySettings(tokens=TokenSettings(secret="x" * 32))


@access("authenticated")
class GuardedController(HooksController):
    hooks: ClassVar[list[str]] = []

    @access("public")
    async def open(self) -> str:
        return "open"

    async def note(self, request: Request) -> None:
        self.hooks.append("onRequest")


async def test_access_rules_of_class_and_method_hold_before_hooks(tmp_path: Path) -> None:
    write_routes(
        tmp_path,
        "guarded",
        entry("GET", "/json", "json", onRequest="note"),
        entry("GET", "/open", "open", onRequest="note"),
    )
    application = application_of(
        tmp_path,
        GuardedController,
        bundles=[SecurityBundle(NoUsers, access="public")],
        more={"security": SECURITY},
    )
    async with KernelClient(application) as client:
        refused = await client.http("guarded_json")
        assert GuardedController.hooks == []
        allowed = await client.http("guarded_open")

    assert (refused.status_code, refused.content["error"]) == (401, "Unauthenticated")
    assert (allowed.content, GuardedController.hooks) == ("open", ["onRequest"])


async def test_route_of_a_file_shows_its_place_in_the_list_of_routes(tmp_path: Path) -> None:
    write_routes(tmp_path, "hooks", entry("GET", "/x", "json"))
    async with application_of(tmp_path, HooksController) as application:
        (shown,) = (
            repr(value)
            for value in application.kernel.http_definitions["hooks_json"].options.values()
        )

    assert shown == f"{tmp_path}/hooks.json, entry 1"
