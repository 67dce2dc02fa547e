"""Decorators on a class, which apply to all its routes."""

from functools import partial
from types import ModuleType
from typing import Any, Generic, TypeVar, cast

import attrs
import pytest

from rxkernel import (
    ConfigurationError,
    HttpMetadata,
    ProcedureMetadata,
    PushedEvent,
    Request,
    WebSocketMetadata,
    both,
    controller,
    http,
    option,
    procedure,
    pushes,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.metadata import RouteMetadata

T = TypeVar("T")
access = partial(option, "access")


def routes(target: object) -> dict[str, RouteMetadata]:
    found = list(routes_of(target))
    assert not [route for route in found if isinstance(route, ConfigurationError)]
    return {route.key: route for route in found if not isinstance(route, ConfigurationError)}


def options(target: object) -> dict[str, dict[str, Any]]:
    return {key: dict(route.options) for key, route in routes(target).items()}


@access("members")
class Articles:
    @http("GET", "/", "list")
    async def list(self, request: Request) -> None: ...

    @http("DELETE", "/{id}", "delete")
    @websocket("delete")
    @access("admins")
    async def delete(self, request: Request) -> None: ...


def test_option_on_class_applies_to_all_routes_and_method_wins() -> None:
    assert options(Articles) == {"list": {"access": "members"}, "delete": {"access": "admins"}}
    assert {type(route) for route in routes_of(Articles)} == {HttpMetadata, WebSocketMetadata}


def test_option_on_subclass_wins_over_base_class_but_not_method() -> None:
    @access("editors")
    class Drafts(Articles): ...

    class Plain(Articles): ...

    assert options(Drafts) == {"list": {"access": "editors"}, "delete": {"access": "admins"}}
    assert options(Plain) == options(Articles)
    assert options(Articles)["list"] == {"access": "members"}, "a subclass changed its base class"


def test_options_with_different_keys_are_merged() -> None:
    @option("audit", True)
    class Audited(Articles):
        @option("limit", 3)
        async def list(self, request: Request) -> None: ...

    assert options(Audited)["list"] == {"access": "members", "audit": True, "limit": 3}


class Restricted:
    @http("GET", "/x", "x")
    @access("admins")
    @option("audit", True)
    @pushes("made", int)
    async def x(self, request: Request) -> None: ...


def test_option_of_overridden_method_with_other_key_is_kept() -> None:
    class Cached(Restricted):
        @option("cache", 60)
        async def x(self, request: Request) -> None: ...

    class Again(Cached):
        @access("owners")
        async def x(self, request: Request) -> None: ...

    class Plain(Again):
        async def x(self, request: Request) -> None: ...

    assert options(Cached) == {"x": {"access": "admins", "audit": True, "cache": 60}}
    assert options(Again) == {"x": {"access": "owners", "audit": True, "cache": 60}}
    assert options(Plain) == options(Again)


def test_option_of_overridden_method_with_new_route_is_kept() -> None:
    """An access rule must not vanish because a subclass changes the path."""

    class Moved(Restricted):
        @http("GET", "/moved", "moved")
        async def x(self, request: Request) -> None: ...

    class Opened(Restricted):
        @http("GET", "/opened", "opened")
        @access("anybody")
        async def x(self, request: Request) -> None: ...

    assert options(Moved) == {"moved": {"access": "admins", "audit": True}}
    assert options(Opened) == {"opened": {"access": "anybody", "audit": True}}


def test_option_of_overridden_method_wins_over_option_on_subclass() -> None:
    @access("members")
    class Members(Restricted):
        @option("cache", 60)
        async def x(self, request: Request) -> None: ...

    assert options(Members) == {"x": {"access": "admins", "audit": True, "cache": 60}}


def test_option_of_nearest_base_class_wins() -> None:
    class Limited:
        @access("owners")
        @option("limit", 3)
        async def x(self, request: Request) -> None: ...

    class Mixed(Limited, Restricted):
        async def x(self, request: Request) -> None: ...

    assert options(Mixed) == {"x": {"access": "owners", "audit": True, "limit": 3}}


def test_option_of_static_and_class_methods_is_kept() -> None:
    class Base:
        @http("GET", "/s", "s")
        @access("admins")
        @staticmethod
        async def s(request: Request) -> None: ...

        @classmethod
        @http("GET", "/c", "c")
        @access("admins")
        async def c(cls, request: Request) -> None: ...

    class Sub(Base):
        @staticmethod
        @option("cache", 60)
        async def s(request: Request) -> None: ...

        @option("cache", 60)
        @classmethod
        async def c(cls, request: Request) -> None: ...

    assert options(Sub) == {name: {"access": "admins", "cache": 60} for name in ("s", "c")}


def test_pushed_events_of_an_overridden_method_are_merged_by_name() -> None:
    class Cached(Restricted):
        @pushes("made", str)
        @pushes("cached", int)
        async def x(self, request: Request) -> None: ...

    assert set(routes(Cached)["x"].pushes) == {
        PushedEvent("made", str),
        PushedEvent("cached", int),
    }


def test_option_twice_on_a_class_outer_wins() -> None:
    @access("outer")
    @access("inner")
    class Controller:
        @http("GET", "/", "index")
        async def index(self, request: Request) -> None: ...

    assert options(Controller) == {"index": {"access": "outer"}}


def test_both_passes_arguments_of_http() -> None:
    constraints: dict[str, Any] = {"host": "example.com", "headers": {"X-Version": "2"}}

    class Controller:
        @both("POST", "/", "add", status_code=201, body_limit=10, **constraints)
        async def add(self, request: Request) -> None: ...

    route, event = sorted(routes_of(Controller), key=lambda r: type(r).__name__)

    assert isinstance(route, HttpMetadata)
    assert (route.status_code, route.body_limit) == (201, 10)
    assert {"host": route.host, "headers": route.headers} == constraints
    assert isinstance(event, WebSocketMetadata)
    assert event.status_code == 201


@pytest.mark.parametrize("define", [attrs.define, attrs.frozen, attrs.define(slots=False)])
def test_labels_above_or_below_attrs_define_are_kept(define: Any) -> None:
    @access("members")
    @define
    @controller("/articles", name="article_")
    class Controller:
        name: str = "x"

        @http("GET", "/", "index")
        async def index(self, request: Request) -> None: ...

    (route,) = routes(Controller).values()

    assert isinstance(route, HttpMetadata)
    assert (route.name, route.syntax.text) == ("article_index", "/articles")
    assert route.options == {"access": "members"}


def test_controller_prefixes_paths_and_names_and_sets_the_namespace() -> None:
    @controller("/articles", name="article_", namespace="/articles")
    class Controller:
        @both("GET", "/{id:int}", "show", status_code=203)
        async def show(self, request: Request) -> None: ...

        @websocket("watch", namespace="/")
        async def watch(self, request: Request) -> None: ...

        @procedure("archive", "LINES", status_code=202)
        async def archive(self, request: Request) -> None: ...

    found = routes(Controller)
    show, event = found["article_show"], found["/articles:article_show"]
    archive = found["LINES:article_archive"]

    assert isinstance(show, HttpMetadata)
    assert (show.http_method, show.syntax.text) == ("GET", "/articles/{id:int}")
    assert isinstance(event, WebSocketMetadata)
    assert (show.status_code, event.status_code) == (203, 203)
    assert "article_watch" in found, "the namespace of a method wins over the class"
    assert isinstance(archive, ProcedureMetadata)
    assert (archive.name, archive.transport, archive.status_code) == (
        "article_archive",
        "LINES",
        202,
    )


@pytest.mark.parametrize(
    ("prefix", "path", "whole"),
    [
        ("/articles", "/", "/articles"),
        ("/articles", "", "/articles"),
        ("/articles/", "/{id}", "/articles/{id}"),
        ("/users/{user:int}", "/posts/{id}", "/users/{user:int}/posts/{id}"),
        ("", "/plain", "/plain"),
    ],
)
def test_controller_path_is_joined_with_one_slash(prefix: str, path: str, whole: str) -> None:
    @controller(prefix)
    class Controller:
        @http("GET", path, "index")
        async def index(self, request: Request) -> None: ...

    (route,) = routes(Controller).values()

    assert isinstance(route, HttpMetadata)
    assert route.syntax.text == whole


def test_prefixes_of_base_and_subclass_are_not_combined() -> None:
    @controller("/base", name="base_", namespace="/base")
    class Base:
        @both("GET", "/", "index")
        async def index(self, request: Request) -> None: ...

    class Inherits(Base): ...

    @controller("/own", name="own_")
    class Own(Base): ...

    assert set(routes(Inherits)) == {"base_index", "/base:base_index"}
    assert set(routes(Own)) == {"own_index"}, "the nearest class wins, also for the namespace"


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        (
            controller("articles"),
            "Controller: Path template 'articles' does not start with '/': put a slash in front.",
        ),
        (controller("/a//b"), "Controller: Path template '/a//b' has an empty segment"),
        (controller(cast(str, 5)), "Controller: the path is 5; it must be a str"),
    ],
)
def test_controller_invalid_path_is_reported_once_with_other_mistakes(
    prefix: Any, message: str
) -> None:
    @prefix
    class Controller:
        @both("GET", "/x", "index")
        async def index(self, request: Request) -> None: ...

        @both("GTE", "/y", "other")
        async def other(self, request: Request) -> None: ...

    whole, method = (str(route) for route in routes_of(Controller))

    assert whole.startswith("@controller on test")
    assert message in whole
    assert "has the method 'GTE'" in method


def test_controller_invalid_namespace_is_reported_with_the_place_of_each_event() -> None:
    @controller(namespace="chat")
    class Controller:
        @websocket("index")
        async def index(self, request: Request) -> None: ...

    (problem,) = map(str, routes_of(Controller))

    assert "namespace 'chat'; it must begin with '/'" in problem
    assert "Controller.index" in problem


@pytest.mark.parametrize("prefix", ["/users", ""])
def test_controller_path_of_route_without_slash_raises(prefix: str) -> None:
    @controller(prefix)
    class Controller:
        @http("GET", "list", "list")
        async def index(self, request: Request) -> None: ...

    (problem,) = map(str, routes_of(Controller))

    assert "Controller.index): Path template 'list' does not start with '/'" in problem


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        (controller, r"@controller on .*Controller has no arguments; write @controller\(\)"),
        (pushes, "@pushes on .*Controller has no arguments; pass a name"),
    ],
)
def test_class_decorator_without_arguments_raises(decorator: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):

        @decorator
        class Controller: ...


@pytest.mark.parametrize(
    ("decorator", "name"),
    [
        (http("GET", "/", "index"), "http"),
        (websocket("index"), "websocket"),
        (both("GET", "/", "index"), "both"),
        (procedure("index", "LINES"), "procedure"),
    ],
)
def test_route_decorator_on_class_raises(decorator: Any, name: str) -> None:
    message = f"@{name} is on the class .*Controller; it must be on a method of it"
    with pytest.raises(ConfigurationError, match=message):

        @decorator
        class Controller: ...


def test_controller_on_function_raises() -> None:
    message = "@controller is on .*index, which is not a class; put it on the class of the method"
    decorate: Any = controller("/x")

    async def index(request: Request) -> None: ...

    with pytest.raises(ConfigurationError, match=message):
        decorate(index)


async def test_generic_base_class_serves_several_entities(client_of: ClientOf) -> None:
    class Crud(Generic[T]):
        @both("POST", "/", "create", status_code=201)
        async def create(self, item: T) -> T:
            return item

    @attrs.frozen
    class User:
        name: str

    @attrs.frozen
    class Post:
        title: str

    @controller("/users", name="user_")
    class Users(Crud[User]): ...

    @controller("/posts", name="post_")
    class Posts(Crud[Post]): ...

    client = client_of(Users, Posts)

    assert (await client.http("user_create", body={"name": "ada"})).content == User("ada")
    assert (await client.websocket("post_create", body={"title": "x"})).content == Post("x")
    assert (await client.http("post_create", body={"name": "ada"})).status_code == 422


def test_pushed_events_of_class_and_method_are_in_definition() -> None:
    @pushes("presence")
    class Controller:
        @http("POST", "/", "create")
        @pushes("created", int)
        async def create(self, request: Request) -> None: ...

        @websocket("other")
        async def other(self, request: Request) -> None: ...

    found = routes(Controller)

    assert found["create"].pushes == (PushedEvent("presence"), PushedEvent("created", int))
    assert found["other"].pushes == (PushedEvent("presence"),)


def test_routes_of_module_include_its_own_functions_only() -> None:
    module = ModuleType("shop.api")

    @http("GET", "/orders", "orders")
    async def orders(request: Request) -> None: ...

    orders.__module__ = "shop.api"
    module.orders = orders  # type: ignore[attr-defined]
    module.imported = Articles.list  # type: ignore[attr-defined]

    (route,) = routes(module).values()

    assert (route.target, route.place) == (module, "shop.api.orders")


def test_routes_of_instance_are_the_routes_of_its_class() -> None:
    instance = Articles()

    assert {route.target for route in routes(instance).values()} == {instance}
    assert options(instance) == options(Articles)
