"""The arguments of controller classes, and `IOServer.add_controller`."""

from pathlib import Path
from typing import Any

import pytest

from bundles.realtime import Controller, IOServer, IOServerError, Middleware
from rxkernel import ConfigurationError, Request, Response
from tests.bundles.realtime.route_files import entry, served, write_routes


class First(Middleware):
    async def http(self, request: Request) -> None:
        request.attributes["seen"] = ["first"]


class Second(Middleware):
    async def http(self, request: Request) -> Response | None:
        request.attributes["seen"].append("second")
        return None


class ShopController(Controller, middlewares=[First]):
    async def show(self, request: Request) -> Any:
        return request.attributes["seen"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": ""}, "name is empty; write a name, or remove the argument"),
        ({"name": 7}, "name is 7; it must be a str"),
        ({"prefix": 7}, "prefix is 7; it must be a str"),
        ({"routes": 7}, "routes is 7; it must be a str"),
    ],
)
def test_controller_with_an_invalid_argument_is_rejected(
    arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):

        class Shop(Controller, **arguments):
            pass


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("ApiController", "api"),
        ("UserProfileController", "user_profile"),
        ("HTTPStatus", "http_status"),
        ("Controller", "controller"),
        ("V2Controller", "v2"),
    ],
)
def test_controller_without_a_name_has_the_name_of_its_class(class_name: str, name: str) -> None:
    cls: Any = type(class_name, (Controller,), {})

    assert cls.controller_options.name == name
    assert cls.controller_options.routes == f"{name}.json"
    assert cls.controller_options.prefix == f"/{name}"


def test_controller_inherits_the_arguments_that_are_written() -> None:
    class Base(Controller, prefix="/v1", middlewares=[First]):
        pass

    class Users(Base):
        pass

    class Orders(Base, prefix="", middlewares=[]):
        pass

    users, orders = Users.controller_options, Orders.controller_options
    assert (users.name, users.routes, users.prefix) == ("users", "users.json", "/v1")
    assert users.middlewares == (First,)
    assert (orders.routes, orders.prefix, orders.middlewares) == ("orders.json", "", ())


async def test_ioserver_adds_controllers_with_their_name_and_middlewares(tmp_path: Path) -> None:
    root = tmp_path / "site"
    root.mkdir()
    (root / "index.html").write_text("index")
    for name in ("shop", "store"):
        write_routes(tmp_path, name, entry("GET", "/x", "show"))
    server = IOServer(port=0, routes=tmp_path, root_dir=root)
    server.add_controller(name="shop", controller=ShopController, middlewares=[Second])
    server.add_controller(name="store", controller=ShopController, prefix="s")

    with pytest.raises(IOServerError, match="already exists"):
        server.add_controller(name="shop", controller=ShopController)

    async with served(server.application) as site:
        assert (await site("GET", "/shop/x")).json == ["first", "second"]
        assert (await site("GET", "/s/x")).json == ["first"]
        assert (await site("GET", "/")).text == "index"
        assert (await site("GET", "/shop/y", headers={"Accept": "text/html"})).status == 404
