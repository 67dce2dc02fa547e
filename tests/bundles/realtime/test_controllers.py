"""Controllers with route files: checks 10 to 16, 18 to 23 and 34 of IOServer."""

import time
from pathlib import Path
from typing import Any

import pytest

from bundles.realtime import Controller, IOServerError, Middleware
from rxkernel import (
    Request,
    Response,
)
from tests.bundles.realtime.conftest import ServeRoutes
from tests.bundles.realtime.route_files import application_of, entry, problems_of, write_routes


class ApiController(Controller):
    async def get_status(self) -> dict[str, Any]:
        return {"status": "OK", "timestamp": time.time()}

    async def post_data(self, request: Request) -> Response:
        return Response({"received": request.body}, 201)

    async def user(self, id: int) -> dict[str, int]:
        return {"id": id}

    async def echo(self, request: Request) -> Any:
        return dict(request.params.items())

    async def missing(self) -> None:
        raise IOServerError("User not found", 404)

    async def broken(self) -> None:
        raise ValueError("the secret text")


# check 10
async def test_get_route_of_the_default_file_is_json(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(tmp_path, "api", entry("GET", "/status", "get_status"))
    site = await serve_routes(ApiController)

    answer = await site("GET", "/api/status")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json["status"] == "OK"
    assert isinstance(answer.json["timestamp"], float)


# check 11
async def test_post_body_is_returned_with_status_of_response(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(tmp_path, "api", entry("post", "/data", "post_data"))
    site = await serve_routes(ApiController)

    answer = await site("POST", "/api/data", json={"a": [1]})

    assert (answer.status, answer.json) == (201, {"received": {"a": [1]}})


# check 12
@pytest.mark.parametrize(
    ("arguments", "path"),
    [({"prefix": "v1/"}, "/v1/x"), ({"prefix": ""}, "/x"), ({"prefix": "/"}, "/x"), ({}, "/a/x")],
)
async def test_controller_with_a_prefix_serves_its_routes_below_it(
    serve_routes: ServeRoutes, tmp_path: Path, arguments: dict[str, str], path: str
) -> None:
    class Prefixed(ApiController, name="a", **arguments):
        pass

    write_routes(tmp_path, "a", entry("GET", "/x", "get_status"))
    site = await serve_routes(Prefixed)

    assert (await site("GET", path)).status == 200


# check 13
async def test_two_root_urls_are_both_reachable(serve_routes: ServeRoutes, tmp_path: Path) -> None:
    class Users(ApiController):
        pass

    class Orders(ApiController):
        pass

    for name in ("users", "orders"):
        write_routes(tmp_path, name, entry("GET", "/", "get_status"))
    site = await serve_routes(Users, Orders)

    assert (await site("GET", "/users")).status == 200
    assert (await site("GET", "/orders/")).status == 200


# check 13
async def test_two_routes_for_one_path_are_reported(tmp_path: Path) -> None:
    class Users(ApiController, prefix=""):
        pass

    class Orders(ApiController, prefix=""):
        pass

    for name in ("users", "orders"):
        write_routes(tmp_path, name, entry("GET", "/", "get_status"))

    (problem,) = await problems_of(application_of(tmp_path, Users, Orders))

    assert "'users_get_status' (GET /, " in problem
    assert "'orders_get_status' (GET /, " in problem


# check 14
async def test_unknown_handler_is_reported_with_file_and_entry(tmp_path: Path) -> None:
    write_routes(
        tmp_path, "api", entry("GET", "/a", "get_status"), entry("GET", "/b", "get_statu")
    )

    (problem,) = await problems_of(application_of(tmp_path, ApiController))

    assert problem == (
        f"{tmp_path}/api.json, entry 2: handler is 'get_statu', which is not a method of "
        f"ApiController; did you mean 'get_status'?"
    )


class HookedController(Controller):
    """Each hook adds its name to the list of the request."""

    order: list[str]

    def __init__(self) -> None:
        self.order = []

    async def on_request(self, request: Request) -> None:
        assert request.body is None
        self.order.append("onRequest")
        request.attributes["user"] = request.headers.get("X-User")

    async def pre_parsing(self, request: Request) -> None:
        assert request.body is None
        self.order.append("preParsing")

    async def pre_validation(self, request: Request) -> None:
        self.order.append("preValidation")
        request.body["name"] = "added"

    async def second_validation(self, request: Request) -> None:
        self.order.append("second")

    async def pre_handler(self, request: Request) -> None:
        self.order.append("preHandler")

    async def handler(self, request: Request) -> dict[str, Any]:
        self.order.append("handler")
        return {"body": request.body, "user": request.attributes["user"]}

    async def pre_serialization(self, request: Request, payload: Any) -> Any:
        self.order.append("preSerialization")
        return {**payload, "wrapped": True}

    async def on_send(self, request: Request, response: Response) -> None:
        self.order.append("onSend")
        response.headers["X-Sent"] = "yes"

    async def on_response(self, request: Request, response: Response) -> None:
        self.order.append(f"onResponse {response.status_code}")

    async def error_handler(self, request: Request, error: Exception) -> Response | None:
        self.order.append("errorHandler")
        return Response({"handled": str(error)}, 418)

    async def refuse(self, request: Request) -> Response:
        self.order.append("refuse")
        return Response({"refused": True}, 403)

    async def fail(self, request: Request) -> None:
        raise IOServerError("no", 409)


HOOKS = {
    "onRequest": "on_request",
    "preParsing": ["pre_parsing"],
    "preValidation": "pre_validation",
    "preHandler": "pre_handler",
    "preSerialization": "pre_serialization",
    "onSend": "on_send",
    "onResponse": "on_response",
    "errorHandler": "error_handler",
}

BODY = {"type": "object", "required": ["name"]}


# check 15
async def test_hooks_run_in_order_and_change_request_payload_and_headers(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(
        tmp_path, "hooked", entry("POST", "/x", "handler", schema={"body": BODY}, **HOOKS)
    )
    controller = HookedController()
    site = await serve_routes(controller)

    answer = await site("POST", "/hooked/x", json={}, headers={"X-User": "ada"})
    await site.application.stop()

    assert answer.json == {"body": {"name": "added"}, "user": "ada", "wrapped": True}
    assert answer.headers["X-Sent"] == "yes"
    assert controller.order == [
        *("onRequest", "preParsing", "preValidation", "preHandler", "handler"),
        *("preSerialization", "onSend", "onResponse 200"),
    ]


# check 15
@pytest.mark.parametrize(
    ("key", "ran"),
    [
        ("onRequest", ["refuse"]),
        ("preParsing", ["onRequest", "refuse"]),
        ("preValidation", ["onRequest", "preParsing", "refuse"]),
        ("preHandler", ["onRequest", "preParsing", "preValidation", "refuse"]),
    ],
)
async def test_response_of_hook_ends_the_chain(
    serve_routes: ServeRoutes, tmp_path: Path, key: str, ran: list[str]
) -> None:
    hooks = {**HOOKS, key: ["refuse", "fail"]}
    del hooks["preSerialization"]
    write_routes(tmp_path, "hooked", entry("POST", "/x", "handler", **hooks))
    controller = HookedController()
    site = await serve_routes(controller)

    answer = await site("POST", "/hooked/x", json={})
    await site.application.stop()

    assert (answer.status, answer.json) == (403, {"refused": True})
    assert answer.headers["X-Sent"] == "yes"
    assert controller.order == [*ran, "onSend", "onResponse 403"]


# check 15
@pytest.mark.parametrize("key", ["onRequest", "preParsing", "preValidation", "preHandler"])
async def test_error_of_hook_reaches_the_error_handler(
    serve_routes: ServeRoutes, tmp_path: Path, key: str
) -> None:
    hooks = {key: "fail", "errorHandler": "error_handler"}
    write_routes(tmp_path, "hooked", entry("POST", "/x", "handler", **hooks))
    site = await serve_routes(HookedController())

    answer = await site("POST", "/hooked/x", json={})

    assert (answer.status, answer.json) == (418, {"handled": "no"})


# check 16
async def test_list_of_hooks_runs_in_its_order(serve_routes: ServeRoutes, tmp_path: Path) -> None:
    hooks = {"onRequest": "on_request", "preValidation": ["second_validation", "pre_validation"]}
    write_routes(tmp_path, "hooked", entry("POST", "/x", "handler", **hooks))
    controller = HookedController()
    site = await serve_routes(controller)

    await site("POST", "/hooked/x", json={})

    assert controller.order == ["onRequest", "second", "preValidation", "handler"]


# check 19
async def test_raised_ioserver_error_has_its_status_and_class(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    class UserError(IOServerError):
        pass

    class Errors(ApiController):
        async def own(self) -> None:
            raise UserError("locked", 423)

    write_routes(tmp_path, "errors", entry("GET", "/a", "missing"), entry("GET", "/b", "own"))
    site = await serve_routes(Errors)

    first, second = await site("GET", "/errors/a"), await site("GET", "/errors/b")

    assert (first.status, first.json) == (
        404,
        {"statusCode": 404, "error": "IOServerError", "message": "User not found"},
    )
    assert (second.status, second.json["error"]) == (423, "UserError")


# check 20
async def test_unexpected_error_is_500_without_its_text(
    serve_routes: ServeRoutes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_routes(tmp_path, "api", entry("GET", "/broken", "broken"))
    site = await serve_routes(ApiController)

    answer = await site("GET", "/api/broken")

    assert (answer.status, answer.json) == (
        500,
        {
            "statusCode": 500,
            "error": "Internal Server Error",
            "message": "Internal Server Error",
        },
    )
    assert "the secret text" in caplog.text


# check 21
async def test_unknown_path_is_404_with_the_body_of_the_kernel(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    """The body of IOServer also contains ``error``. Here the path belongs to no controller."""
    write_routes(tmp_path, "api", entry("GET", "/status", "get_status"))
    site = await serve_routes(ApiController)

    answer = await site("GET", "/x")

    assert (answer.status, answer.json) == (404, {"statusCode": 404, "message": "Not Found"})


# check 22
async def test_path_matches_with_a_trailing_slash_and_not_in_another_case(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    class Root(ApiController, prefix=""):
        pass

    write_routes(tmp_path, "root", entry("GET", "/hello", "get_status"))
    site = await serve_routes(Root)

    assert (await site("GET", "/hello/")).status == 200
    assert (await site("GET", "/HELLO")).status == 404
    head = await site("HEAD", "/hello")
    assert (head.status, head.text) == (200, "")


# check 23
async def test_preflight_is_allowed_for_listed_origins_only(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(tmp_path, "api", entry(["GET", "POST"], "/status", "get_status"))
    site = await serve_routes(ApiController, http={"origins": ("https://x.example",)})

    def preflight(origin: str) -> Any:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return site("OPTIONS", "/api/status", headers=headers)

    allowed = await preflight("https://x.example")
    assert allowed.status == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://x.example"
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    refused = await preflight("https://y.example")
    assert "Access-Control-Allow-Origin" not in refused.headers


class Key(Middleware):
    async def http(self, request: Request) -> Response | None:
        if "X-Key" not in request.headers:
            return Response({"error": "no key"}, 401)
        request.attributes["key"] = request.headers["X-Key"]
        return None


class Strict(Middleware):
    async def http(self, request: Request) -> None:
        if request.attributes["key"] == "bad":
            raise IOServerError("bad key", 403)


class GuardedController(Controller, middlewares=[Key, Strict]):
    calls = 0

    async def show(self, request: Request) -> str:
        type(self).calls += 1
        return f"key {request.attributes['key']}"


# check 34
async def test_http_middlewares_run_before_the_handler(
    serve_routes: ServeRoutes, tmp_path: Path
) -> None:
    write_routes(tmp_path, "guarded", entry("GET", "/x", "show"))
    site = await serve_routes(GuardedController)
    before = GuardedController.calls

    refused = await site("GET", "/guarded/x")
    forbidden = await site("GET", "/guarded/x", headers={"X-Key": "bad"})
    assert GuardedController.calls == before
    allowed = await site("GET", "/guarded/x", headers={"X-Key": "k"})

    assert (refused.status, refused.json) == (401, {"error": "no key"})
    assert (forbidden.status, forbidden.json["message"]) == (403, "bad key")
    assert (allowed.status, allowed.text) == (200, "key k")
