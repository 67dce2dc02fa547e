"""Route files that boot rejects, and arguments of controllers."""

from pathlib import Path
from typing import Any

import pytest

from bundles.realtime import (
    Controller,
    IOServer,
    Manager,
    Middleware,
    RealtimeBundle,
    RealtimeSettings,
    Service,
)
from rxkernel import Application, ConfigurationError, Request, Response
from tests.bundles.realtime.route_files import application_of, entry, problems_of, write_routes


class ShopController(Controller):
    async def show(self, request: Request) -> str:
        return "shop"

    async def raw(self, body: bytes) -> int:
        return len(body)

    async def hook(self, request: Request) -> None: ...

    async def on_send(self, request: Request, response: Response) -> None: ...

    def plain(self, request: Request) -> None: ...

    class Nested:
        pass

    number = 5


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (7, "the entry is 7; it must be an object"),
        (
            entry("GET", "/", "show", handlr="x"),
            "unknown key 'handlr'; did you mean 'handler'?",
        ),
        (
            entry("GET", "/", "show", xyz=1),
            "unknown key 'xyz'; the keys are method, url, handler, onRequest, preParsing, "
            "preValidation, preHandler, preSerialization, onSend, onResponse, errorHandler, "
            "schema, attachValidation, bodyLimit, constraints, exposeHeadRoute, config",
        ),
        (
            entry("GET", "/", "show", onError="hook"),
            "the key 'onError' is not supported; write errorHandler",
        ),
        (
            entry("GET", "/", "show", logLevel="warn"),
            "the key 'logLevel' is not supported; set the levels of logging",
        ),
        (entry("GET", "x", "show"), "url is 'x'; it must be a path that begins with '/'"),
        (entry("GET", None, "show"), "url is None; it must be a path that begins with '/'"),
        (
            entry("GET", r"/:id(\d+", "show"),
            r"url is '/:id(\\d+': a pattern has no closing ')'; add it",
        ),
        (
            entry("GET", "/:id?", "show"),
            "url is '/:id?': optional parameters such as :id? are not supported; write two "
            "entries, one without it",
        ),
        (
            entry("GET", "/*/x", "show"),
            "url is '/*/x': a '*' is not at the end; write a parameter instead",
        ),
        (
            entry("GET", "/:id(a(b)c)", "show"),
            "route 'shop_show' ([..].ShopController.show): Path template '/shop/{id:/a(b)c/}' has "
            "a pattern '/a(b)c/' that has a capturing group: write '(?:…)' instead of '(…)'.",
        ),
        (
            entry("FOO", "/", "show"),
            "route 'shop_show' ([..].ShopController.show) has the method 'FOO'; it must be one of "
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        ),
        (
            entry([], "/", "show"),
            "method is []; it must be an HTTP method such as 'GET', or a list of them",
        ),
        (
            entry(["GET", "get"], "/", "show"),
            "method is ['GET', 'get'], which repeats a method; remove one",
        ),
        (
            entry("GET", "/", None),
            "handler is None; it must be the name of a method of ShopController",
        ),
        (
            entry("GET", "/", "shop"),
            "handler is 'shop', which is not a method of ShopController; did you mean 'show'?",
        ),
        (
            entry("GET", "/", "show", preHandler="hok"),
            "preHandler is 'hok', which is not a method of ShopController; did you mean 'hook'?",
        ),
        (
            entry("GET", "/", "show", preHandler=["hook", 1]),
            "preHandler is ['hook', 1]; it must be the name of a method, or a list of names",
        ),
        (
            entry("GET", "/", "show", preHandler="plain"),
            "preHandler is 'plain'; it is not async; write async def plain(self, request)",
        ),
        (
            entry("GET", "/", "show", onRequest="on_send"),
            "onRequest is 'on_send'; its parameters are wrong; write async def on_send(self, "
            "request)",
        ),
        (entry("GET", "/", "show", schema=[]), "schema is []; it must be an object"),
        (
            entry("GET", "/", "show", schema={"bdy": {}}),
            "schema has the unknown key 'bdy'; the keys are body, querystring, query, params, "
            "headers, response",
        ),
        (
            entry("GET", "/", "show", schema={"query": {}, "querystring": {}}),
            "schema has 'query' and 'querystring', which mean the same; remove one",
        ),
        (
            entry("GET", "/", "show", schema={"response": {"ok": {}}}),
            "schema.response has the invalid key 'ok'; write a status such as '200', "
            "'2xx' or 'default'",
        ),
        (
            entry("GET", "/", "show", schema={"response": []}),
            "schema.response is []; it must be an object",
        ),
        (
            entry("POST", "/", "raw", schema={"body": {}}),
            "schema.body requires the decoded body, but raw takes its bytes; remove one "
            "of the two",
        ),
        (
            entry("POST", "/", "show", bodyLimit=0),
            "bodyLimit is 0; it must be a number of bytes, at least 1",
        ),
        (
            entry("POST", "/", "show", bodyLimit="1kb"),
            "bodyLimit is '1kb'; it must be a number of bytes, at least 1",
        ),
        (
            entry("POST", "/", "show", exposeHeadRoute=False),
            "exposeHeadRoute has no effect without GET; remove it",
        ),
        (
            entry("GET", "/", "show", attachValidation=1),
            "attachValidation is 1; it must be true or false",
        ),
        (
            entry("GET", "/", "show", constraints={"port": "1"}),
            "constraints has the key 'port'; it must be 'host' or 'version'",
        ),
        (
            entry("GET", "/", "show", constraints={"version": 1}),
            "constraints.version is 1; it must be a str",
        ),
        (
            entry("GET", "/", "show", constraints={"host": "a b"}),
            "route 'shop_show' ([..].ShopController.show) has the host 'a b'; write a name like "
            "'example.com' or '*.example.com', without scheme and port",
        ),
        (entry("GET", "/", "show", config=[]), "config is []; it must be an object"),
        (
            entry("GET", "/:id/*", "show", schema={"params": {"properties": {"key": {}}}}),
            "schema.params has 'key', which the path '/shop/{id}/{wildcard:path}' does not have; "
            "its parameters are id, wildcard",
        ),
        (
            entry("GET", "/", "show", schema={"params": {"required": ["b", "a"]}}),
            "schema.params has 'b' and 'a', which the path '/shop/' does not have; its parameters "
            "are none",
        ),
    ],
)
async def test_entry_of_a_route_file_with_an_error_is_reported(
    tmp_path: Path, given: Any, problem: str
) -> None:
    write_routes(tmp_path, "shop", given)

    (found,) = await problems_of(application_of(tmp_path, ShopController))

    found = found.replace(ShopController.__module__, "[..]")
    assert found == f"{tmp_path}/shop.json, entry 1: {problem}"


@pytest.mark.parametrize(
    ("part", "schema", "text"),
    [
        ("query", {"properties": {"a": {"type": "int"}}}, "(at .properties.a.type)"),
        ("headers", {"$ref": "http://127.0.0.1:9/x"}, "a schema may refer only to its own parts"),
        ("params", {"$schema": "http://127.0.0.1:9/x"}, "is not a draft of JSON Schema"),
        ("body", {"$ref": "#/definitions/a"}, "'/definitions/a' does not exist"),
        ("body", {"pattern": "("}, "(at .pattern)"),
        ("body", 7, "the value is not of types"),
    ],
)
async def test_schema_that_is_invalid_is_reported(
    tmp_path: Path, part: str, schema: Any, text: str
) -> None:
    write_routes(tmp_path, "shop", entry("POST", "/", "show", schema={part: schema}))

    (problem,) = await problems_of(application_of(tmp_path, ShopController))

    place = f"{tmp_path}/shop.json, entry 1: schema.{part} is not a valid JSON Schema: "
    assert problem.startswith(place)
    assert text in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            None,
            "does not exist; create it, name another file with class ShopController(Controller, ",
        ),
        ("[", "is not JSON: Expecting value: line 1 column 2 (char 1)"),
        ("[" * 100_000, "is nested too deeply"),
        (
            '[{"url": "/a", "url": "/b"}]',
            "is not JSON: an object has the key 'url' twice; remove one",
        ),
        ("{}", "is not a list of entries; write [{…}, …]"),
        ("\udcff", "is not JSON: 'utf-8' codec can't decode byte 0xff"),
    ],
)
async def test_route_file_that_cannot_be_read_is_reported(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    if text is not None:
        (tmp_path / "shop.json").write_bytes(text.encode(errors="surrogateescape"))

    (found, *_) = await problems_of(application_of(tmp_path, ShopController))

    assert f"the route file of ShopController, {tmp_path}/shop.json, {problem}" in found


@pytest.mark.parametrize("name", ["__repr__", "__class__", "__init__", "Nested", "number", "nam"])
async def test_handler_that_is_not_a_method_is_reported(tmp_path: Path, name: str) -> None:
    write_routes(tmp_path, "shop", entry("GET", "/", name))

    (found,) = await problems_of(application_of(tmp_path, ShopController))

    assert f"handler is {name!r}, which is not a method of ShopController; add it, or" in found


@pytest.mark.parametrize("base", [Controller, Service, Manager])
async def test_component_without_the_bundle_names_the_bundle(base: type[Any]) -> None:
    component = type("Shop", (base,), {})

    with pytest.raises(
        ConfigurationError,
        match=r"^Shop asks for AppHandle, which needs the bundle realtime; enable it: "
        r"Application\(bundles=\[RealtimeBundle\]\)$",
    ):
        await Application(controllers=[component]).boot()


async def test_all_problems_of_all_route_files_are_reported_at_once(tmp_path: Path) -> None:
    class Other(ShopController, routes="missing.json"):
        pass

    class Bad(Middleware):
        def __init__(self, x: int) -> None: ...

    class Third(ShopController, middlewares=[Bad]):
        pass

    write_routes(tmp_path, "shop", entry("GET", "x", "no"), entry("GET", "/", "no"))
    write_routes(tmp_path, "third", entry("GET", "/", "show"))

    problems = await problems_of(application_of(tmp_path, ShopController, Other, Third))

    text = "\n".join(problems)
    assert text.count("shop.json, entry 1: ") == 2
    assert text.count("shop.json, entry 2: ") == 1
    assert "missing.json, does not exist" in text


async def test_middleware_that_cannot_be_built_is_reported(tmp_path: Path) -> None:
    class Bad(Middleware):
        def __init__(self) -> None:
            raise OSError("no such file")

    class Shop(ShopController, middlewares=[Bad]):
        pass

    write_routes(tmp_path, "shop", entry("GET", "/", "show"))

    (problem,) = await problems_of(application_of(tmp_path, Shop))

    assert "the middleware " in problem
    assert "no such file" in problem


def test_default_folder_of_route_files_is_routes() -> None:
    assert RealtimeSettings().routes == Path("routes")


async def test_route_that_two_entries_have_is_reported_with_both_places(tmp_path: Path) -> None:
    class Market(ShopController, prefix="/shop"):
        pass

    write_routes(tmp_path, "shop", entry("GET", "/:id", "show"), entry("GET", "/{key}", "show"))
    write_routes(tmp_path, "market", entry("POST", "/", "show"), entry("GET", "/:x", "show"))

    found = await problems_of(application_of(tmp_path, ShopController, Market))

    place = f"{__name__}.ShopController"
    market = f"{place[:-14]}test_route_that_two_entries_have_is_reported_with_both_places.<locals>"
    first = f"Routes 'shop_show' (GET /shop/{{id}}, {place}.show in {tmp_path}/shop.json, entry 1)"
    assert found == (
        f"{first} and 'shop_show_get' (GET /shop/{{key}}, {place}.show in {tmp_path}/shop.json, "
        f"entry 2) match the same requests: change the path, the method, host or headers of one, "
        f"or remove it.",
        f"{first} and 'market_show_get' (GET /shop/{{x}}, {market}.Market.show in "
        f"{tmp_path}/market.json, entry 2) match the same requests: change the path, the method, "
        f"host or headers of one, or remove it.",
    )


async def test_route_name_that_two_files_have_is_reported_with_both_places(tmp_path: Path) -> None:
    class Other(ShopController, name="shop", routes="other.json", prefix="/other"):
        pass

    write_routes(tmp_path, "shop", entry("GET", "/", "show"))
    write_routes(tmp_path, "other", entry("GET", "/", "show"))

    (found,) = await problems_of(application_of(tmp_path, ShopController, Other))

    assert found.startswith("route name 'shop_show' is used twice, for ")
    assert f"ShopController.show in {tmp_path}/shop.json, entry 1 and for " in found
    assert f"Other.show in {tmp_path}/other.json, entry 1; " in found


@pytest.mark.parametrize(
    ("given", "shown"),
    [(Middleware, "the class Middleware"), ("Login", "'Login'"), ({Middleware: 1}, "{<class")],
)
def test_middlewares_that_are_not_a_list_are_an_error(given: Any, shown: str) -> None:
    server = IOServer()
    problem = rf"^middlewares of .*(Shop|Chat).* is {shown}.*; write a list: middlewares=\[[ML]"
    with pytest.raises(ConfigurationError, match=problem):

        class Chat(Service, middlewares=given):
            pass

    with pytest.raises(ConfigurationError, match=problem):

        class ChatController(Controller, middlewares=given):
            pass

    with pytest.raises(ConfigurationError, match=problem):
        server.add_controller(name="shop", controller=ShopController, middlewares=given)
    with pytest.raises(ConfigurationError, match=problem):
        server.add_service(name="chat", service=type("Chat", (Service,), {}), middlewares=given)


async def test_middlewares_in_the_body_of_a_service_are_checked_at_boot() -> None:
    class Chat(Service):
        middlewares = Middleware  # type: ignore[assignment]

    application = Application(bundles=[RealtimeBundle(services=[Chat])])
    (found,) = await problems_of(application)

    assert found.endswith("Chat is the class Middleware; write a list: middlewares=[Middleware]")
