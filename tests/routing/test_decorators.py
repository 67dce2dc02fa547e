"""Labels on controllers, and the metadata read from them."""

from typing import Any

import attrs
import pytest

from rxkernel import (
    ConfigurationError,
    HttpMetadata,
    Request,
    WebSocketMetadata,
    http,
    observe,
    option,
    options_of,
    websocket,
)
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.metadata import RouteMetadata


class Users:
    @http("GET", "/users/{id:int}/", "user_show")
    @websocket("user_show")
    @websocket("show", namespace="/users")
    @option("access", "inner")
    @option("limit", 3)
    async def show(self, request: Request) -> str:
        return "base"


def routes(controller: object) -> list[RouteMetadata]:
    found = list(routes_of(controller))
    assert not any(isinstance(route, ConfigurationError) for route in found)
    return [route for route in found if not isinstance(route, ConfigurationError)]


def problems(controller: object) -> str:
    return "\n".join(str(r) for r in routes_of(controller) if isinstance(r, ConfigurationError))


def test_decorator_returns_the_function_unchanged() -> None:
    def show(self: object, request: Request) -> None: ...

    assert http("GET", "/", "x")(websocket("x")(show)) is show


def test_each_label_adds_a_route_with_options_of_method() -> None:
    inner, middle, outer = routes(Users)

    assert isinstance(inner, WebSocketMetadata)
    assert (inner.key, inner.action, inner.target) == ("/users:show", "show", Users)
    assert middle.key == "user_show"
    assert isinstance(outer, HttpMetadata)
    assert (outer.http_method, outer.syntax.text) == ("GET", "/users/{id:int}")
    assert dict(outer.options) == dict(inner.options) == {"access": "inner", "limit": 3}


def test_options_are_read_only_and_outer_decorator_wins() -> None:
    class Controller:
        @option("access", "outer")
        @http("GET", "/", "x")
        @option("access", "inner")
        def show(self, request: Request) -> None: ...

    (route,) = routes(Controller)

    assert route.options["access"] == "outer"
    with pytest.raises(TypeError):
        route.options["access"] = "changed"  # type: ignore[index]


def test_override_without_labels_keeps_route() -> None:
    class Admins(Users):
        async def show(self, request: Request) -> str:
            return "override"

    assert [(route.key, route.target) for route in routes(Admins)] == [
        (route.key, Admins) for route in routes(Users)
    ]


def test_override_with_labels_replaces_routes() -> None:
    class Admins(Users):
        @http("GET", "/admins", "admins")
        async def show(self, request: Request) -> str:
            return "override"

    assert [route.name for route in routes(Admins)] == ["admins"]
    assert len(routes(Users)) == 3


def test_attrs_class_is_a_controller() -> None:
    @attrs.define
    class Controller:
        name: str = "x"

        @http("GET", "/", "index")
        async def index(self, request: Request) -> str:
            return self.name

    assert [route.target for route in routes(Controller)] == [Controller]


def test_static_method_is_a_route() -> None:
    class Controller:
        @staticmethod
        @http("GET", "/", "index")
        async def index(request: Request) -> str:
            return "static"

    assert [route.action for route in routes(Controller)] == ["index"]


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_label_above_or_below_staticmethod_or_classmethod_adds_route(kind: Any) -> None:
    async def index(*args: Any) -> None: ...

    above = http("GET", "/", "above")(option("a", 1)(kind(websocket("below")(index))))
    controller = type("Controller", (), {"index": above})

    assert [(r.name, dict(r.options)) for r in routes(controller)] == [
        ("below", {"a": 1}),
        ("above", {"a": 1}),
    ]


def test_invalid_labels_are_reported_with_their_places() -> None:
    class Controller:
        @http("FETCH", "no-slash", "")
        def one(self, request: Request) -> None: ...

        @websocket("connect", namespace="chat")
        def two(self, request: Request) -> None: ...

    reported = problems(Controller)

    for part in (
        "Controller.one has the name ''",
        "'FETCH'; it must be one of GET, HEAD",
        "'no-slash'",
        "'connect' (tests",
        "Socket.IO reserves",
        "namespace 'chat'; it must begin with '/'",
    ):
        assert part in reported, reported


@pytest.mark.parametrize("decorator", [websocket, observe])
def test_route_decorator_without_arguments_raises(decorator: Any) -> None:
    """Otherwise the method would be replaced by a decorator, without a route."""
    with pytest.raises(ConfigurationError, match=r"on .*method has no arguments"):

        class Controller:
            @decorator  # type: ignore[untyped-decorator]
            async def method(self, request: Request) -> None: ...


def test_label_not_a_text_is_reported_with_its_place() -> None:
    class Controller:
        @http("GET", None, "index")  # type: ignore[arg-type]
        def one(self, request: Request) -> None: ...

        @websocket("x", namespace=7)  # type: ignore[arg-type]
        def two(self, request: Request) -> None: ...

    reported = problems(Controller)

    assert "Controller.one)" in reported
    assert "Controller.two) has the namespace" in reported


@pytest.mark.parametrize("namespace", ["", "chat", "/a,b", "/a?b", "/" + "n" * 256])
def test_websocket_metadata_invalid_namespace_raises_error(namespace: str) -> None:
    """Socket.IO v5: a comma ends the namespace of a packet; a query in it is ignored."""
    with pytest.raises(ConfigurationError, match="namespace"):
        WebSocketMetadata(Users, "x", namespace, "show")


@pytest.mark.parametrize("status_code", ["201", True, None, 199, 201.0])
def test_status_code_invalid_is_reported_with_its_route(status_code: Any) -> None:
    class Controller:
        @http("GET", "/", "index", status_code=status_code)
        @websocket("index", status_code=status_code)
        def one(self, request: Request) -> None: ...

    reported = problems(Controller)

    assert reported.count(f"Controller.one) has the status_code {status_code!r}; it must be") == 2


def test_options_of_function_are_the_options_of_its_labels() -> None:
    @option("access", "outer")
    @option("access", "inner")
    @option("limit", 3)
    async def show() -> None: ...

    async def bare() -> None: ...

    assert options_of(show) == {"access": "outer", "limit": 3}
    assert options_of(bare) == {}
