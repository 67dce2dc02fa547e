"""``routes``, ``listeners`` and ``bundles``, for people and for programs."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from rxkernel import ApplicationEvents, KernelEvents, ServerEvents
from rxkernel.cli.listeners import IN_ORDER
from tests.cli.conftest import Run, Write
from tests.cli.installed_bundle import install_bundle

SHOP = """
from rxkernel import Application, Bundle, HttpSettings, Settings, http, observe, websocket


def is_order(definition):
    return definition.name == "order"


class Orders:
    @http("POST", "/orders/{id:int}", "order")
    @websocket("order", "/shop")
    async def order(self, request): ...

    @http("GET", "/orders", "list")
    @websocket("list")
    async def list(self, request): ...


class Audit:
    @observe("kernel.response", priority=-5)
    async def last(self, event): ...

    @observe("kernel.response", priority=7, only=is_order)
    async def first(self, event): ...

    @observe("kernel.request")
    async def before(self, event): ...

    @observe("application.bootstrap")
    async def boot(self, event): ...

    @observe("shop.closed")
    async def closed(self, event): ...


class Money(Bundle):
    name = "money"


class Tax(Bundle):
    name = "tax"
    requires = ("money",)


application = Application(
    controllers=[Orders],
    listeners=[Audit],
    bundles=[Tax, Money],
    settings=Settings(http=HttpSettings(prefix="/api")),
)
empty = Application()
"""


@pytest.fixture
def shop(write: Write) -> str:
    return write(SHOP)


def listed(run: Run, *arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_routes_are_listed_as_requested(run: Run, shop: str) -> None:
    """Paths have the prefix, as in requests."""
    routes = listed(run, "routes", shop)

    assert [(r["method"], r["path"], r["name"]) for r in routes["http"]] == [
        ("POST", "/api/orders/{id:int}", "order"),
        ("GET", "/api/orders", "list"),
    ]
    assert [(e["event"], e["namespace"], e["name"]) for e in routes["websocket"]] == [
        ("order", "/shop", "/shop:order"),
        ("list", "/", "list"),
    ]
    assert routes["http"][0]["action"] == f"{shop}.Orders.order"


def test_table_is_aligned(run: Run, shop: str) -> None:
    lines = run("routes", shop).stdout.splitlines()

    assert lines == [
        "METHOD  PATH                  NAME   ACTION",
        f"POST    /api/orders/{{id:int}}  order  {shop}.Orders.order",
        f"GET     /api/orders           list   {shop}.Orders.list",
        "",
        "EVENT  NAMESPACE  NAME         ACTION",
        f"order  /shop      /shop:order  {shop}.Orders.order",
        f"list   /          list         {shop}.Orders.list",
    ]


CONSTRAINED = """
from rxkernel import Application, http


class Articles:
    @http("GET", "/a", "plain")
    async def plain(self, request): ...

    @http("GET", "/a", "new", host="Api.example.com", headers={"Accept-Version": "2"})
    async def new(self, request): ...


application = Application(controllers=[Articles])
"""


def test_constraints_of_routes_are_listed(run: Run, write: Write) -> None:
    """Only constraints distinguish two routes with the same method and path."""
    target = write(CONSTRAINED)

    routes = listed(run, "routes", target)["http"]
    lines = run("routes", target).stdout.splitlines()

    assert [(route["host"], route["headers"]) for route in routes] == [
        (None, {}),
        ("Api.example.com", {"Accept-Version": "2"}),
    ]
    assert [line.split()[-1] for line in lines[:2]] == ["REQUIRES", f"{target}.Articles.plain"]
    assert lines[2].endswith("  Api.example.com, Accept-Version: 2")


NATIVE = """
from aiohttp import web
from injector import inject
from rxkernel import Application, Bundle, HttpServer, observe


async def metrics(native): ...


async def pages(native): ...


async def live(websocket): ...


async def respond(request, body): ...


class Live:
    @inject
    def __init__(self, http: HttpServer):
        http.mount("/pages/{rest:path}", pages)
        http.websocket("/live", live, shared=True)
        http.handle("/live", respond)

    @observe("application.bootstrap")
    async def boot(self, event): ...


class Own(Bundle):
    name = "own"
    listeners = [Live]

    @observe("server.configure")
    async def add_late(self, event):
        if event.server.name == "http":
            event.server.mount("/late", pages, long_lived=True)
            event.server.engine.router.add_get("/metrics", metrics)
            event.server.engine.router.add_static("/static", ".")


application = Application(bundles=[Own])
"""


LONG_OPTION = """
from rxkernel import Application, http, option


class Notes:
    @http("GET", "/", "notes")
    @option("note", "x" * 500)
    async def list(self): ...


application = Application(controllers=[Notes], options=["note"])
"""


def test_long_option_is_cut_in_the_table_only(run: Run, write: Write) -> None:
    target = write(LONG_OPTION)

    assert f"note={'x' * 59}…\n" in run("routes", target).stdout
    (route,) = json.loads(run("routes", target, "--json").stdout)["http"]
    assert route["options"] == {"note": "x" * 500}


def test_native_paths_are_listed(run: Run, write: Write) -> None:
    """Mounts and native routes may be added until `server.configure`; no port is opened."""
    target = write(NATIVE)

    paths = listed(run, "routes", target)["native"]
    table = run("routes", target).stdout.splitlines()[-7:]

    assert [tuple(path.values()) for path in paths] == [
        ("*", "/pages/{rest:path}", "mount", f"{target}.pages"),
        ("GET", "/live", "websocket", f"{target}.live"),
        ("POST", "/live", "handler", f"{target}.respond"),
        ("*", "/late", "mount", f"{target}.pages"),
        ("GET, HEAD", "/metrics", "native", f"{target}.metrics"),
        ("GET, HEAD", "/static", "native", paths[-1]["handler"]),
    ]
    assert list(paths[0]) == ["method", "path", "type", "handler"]
    assert table[0].split() == ["METHOD", "PATH", "TYPE", "HANDLER"]
    assert table[2].split() == ["GET", "/live", "websocket", f"{target}.live"]


RULES = """
from injector import inject
from rxkernel import Application, Bundle, HttpServer, ListedRule

class Rules(Bundle):
    name = "rules"

    @inject
    def __init__(self, http: HttpServer) -> None:
        http.rewrite(lambda head: None, [ListedRule("*", "/old/(.*)", "/new/[1]", "rules.py:3")])

application = Application(bundles=[Rules])
"""


def test_rewrite_rules_are_listed(run: Run, write: Write) -> None:
    target = write(RULES)

    assert listed(run, "routes", target)["rules"] == [
        {"method": "*", "path": "/old/(.*)", "target": "/new/[1]", "place": "rules.py:3"}
    ]
    table = run("routes", target).stdout.splitlines()[-2:]
    assert table[0].split() == ["METHOD", "PATH", "TARGET", "PLACE"]
    assert table[1].split() == ["*", "/old/(.*)", "/new/[1]", "rules.py:3"]


def test_check_counts_native_paths(run: Run, write: Write) -> None:
    result = run("check", write(NATIVE))

    assert result.exit_code == 0
    assert "  native paths      6" in result.stdout.splitlines()


def test_check_reports_path_that_is_mounted_twice(run: Run, write: Write) -> None:
    """Also if both are mounted in `server.configure`, the last possible moment."""
    result = run("check", write(NATIVE.replace('"/late"', '"/live"')))

    assert result.exit_code == 2
    assert "'/live' is mounted twice" in result.stderr


def test_listeners_are_in_the_order_in_which_they_run(run: Run, shop: str) -> None:
    rows = listed(run, "listeners", shop)

    assert [(row["event"], row["priority"], row["listener"], row["only"]) for row in rows] == [
        ("application.bootstrap", 0, f"{shop}.Audit.boot", None),
        ("kernel.request", 0, f"{shop}.Audit.before", None),
        ("kernel.response", 7, f"{shop}.Audit.first", f"{shop}.is_order"),
        ("kernel.response", -5, f"{shop}.Audit.last", None),
        ("shop.closed", 0, f"{shop}.Audit.closed", None),
    ]


@pytest.mark.parametrize(
    ("definition", "options", "names"),
    [
        ("order", [], ["before", "first", "last"]),
        ("list", [], ["before", "last"]),
        ("list", ["--transport", "socket"], ["before", "last"]),
        ("/shop:order", [], ["before", "first", "last"]),
    ],
)
def test_listeners_of_definition_exclude_listeners_rejected_by_only(
    definition: str, options: list[str], names: list[str], run: Run, shop: str
) -> None:
    rows = listed(run, "listeners", shop, "--definition", definition, *options)

    assert [row["listener"].rpartition(".")[2] for row in rows] == names


def test_listeners_are_printed_as_a_table(run: Run, shop: str) -> None:
    lines = run("listeners", shop, "--definition", "list").stdout.splitlines()

    assert lines[1].split() == ["kernel.request", "0", f"{shop}.Audit.before"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--definition", "nope"], "unknown definition 'nope'; known: order, list, /shop:order"),
        (
            ["--definition", "order", "--transport", "socket"],
            "unknown definition 'order' over SOCKET",
        ),
        (["--transport", "http"], "needs --definition"),
    ],
)
def test_listeners_unknown_definition_exits_with_2(
    options: list[str], text: str, run: Run, shop: str
) -> None:
    result = run("listeners", shop, *options)

    assert result.exit_code == 2
    assert text in result.stderr


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("routes", "No HTTP routes.\n\nNo Socket.IO events.\n"),
        ("listeners", "No listeners.\n"),
        ("bundles", "No bundles.\n"),
    ],
)
def test_empty_listing_prints_message(
    command: str, text: str, run: Run, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxkernel.application.entry_points.entries", lambda group: ())
    assert run(command, f"{shop}:empty").stdout == text


WEATHER = """
from rxkernel import Bundle

class Made(Bundle):
    name = "weather"
    requires = ("clock",)
    after = ("money", "map")
"""


def test_bundles_lists_enabled_in_order_then_installed(run: Run, shop: str, project: Path) -> None:
    install_bundle(project, "weather", WEATHER)

    rows = listed(run, "bundles", shop)

    by_name = {row["name"]: row for row in rows}
    assert list(by_name)[:2] == ["money", "tax"]
    assert by_name["tax"]["requires"] == ["money"]
    assert by_name["tax"] | {"enabled": True, "installed": False} == by_name["tax"]
    assert by_name["weather"] == {
        "name": "weather",
        "enabled": False,
        "installed": True,
        "place": "weather_of_test.Made",
        "requires": ["clock"],
        "after": ["money", "map"],
        "problems": [],
    }
    table = [line.split() for line in run("bundles", shop).stdout.splitlines()]
    assert ["money", "enabled", f"{shop}.Money"] in table
    assert ["weather", "installed", "weather_of_test.Made", "clock", "money,", "map"] in table


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("1 / 0", "bundle 'storm' cannot be imported: ZeroDivisionError: division by zero"),
        ("import no_redis", "bundle 'storm' cannot be imported: No module named 'no_redis'"),
        ("Made = 3", "bundle 'storm' is 3 in storm_of_test:Made, which is not"),
        (WEATHER, "bundle 'storm' has name = 'weather'"),
        (WEATHER.replace("weather", "storm").replace('("clock",)', "3"), "requires is 3"),
    ],
)
def test_bundles_reports_broken_installed_bundle(
    source: str, problem: str, run: Run, shop: str, project: Path
) -> None:
    """It is not enabled, so the listing succeeds."""
    install_bundle(project, "storm", source)

    result = run("bundles", shop)
    rows = listed(run, "bundles", shop)

    assert result.exit_code == 0
    assert re.search(r"^storm +broken +storm_of_test\.Made$", result.stdout, re.MULTILINE)
    assert len(result.stderr.splitlines()) == 1
    assert problem in result.stderr
    assert [problem in row["problems"][0] for row in rows if row["name"] == "storm"] == [True]
    sys.modules.pop("storm_of_test", None)


def test_bundles_without_application_lists_installed(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_bundle(project, "weather", WEATHER)
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.setattr("rxkernel.cli.locate.DEFAULT", "no_app_here")

    assert "weather" in [row["name"] for row in listed(run, "bundles")]
    assert run("bundles", "nowhere").exit_code == 2


def test_order_of_listing_contains_every_event() -> None:
    known = {*ApplicationEvents, *KernelEvents, *ServerEvents}

    assert set(IN_ORDER) == known
