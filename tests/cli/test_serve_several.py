"""``serve`` with several applications on one port."""

import json
import signal
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cli.conftest import Run, Start
from tests.cli.processes import DEADLINE, Process, until
from tests.cli.test_serve_workers import connect, exchange, packet, sessions_of_both

PAGE = """
import os

from rxkernel import Application, Settings, SocketioSettings, http, websocket


class Pages:
    @http("GET", "/name", "name")
    async def name(self):
        return {{"name": "{name}", "pid": os.getpid()}}

    @websocket("name")
    async def event(self):
        return "{name}"


application = Application(controllers=[Pages])
"""

HOSTS = """
[applications.shop.http]
allowed_hosts = ["shop.example"]
[applications.blog.http]
allowed_hosts = ["blog.example"]
"""

NO_SOCKETS = """
[socketio]
enabled = false
"""


@pytest.fixture(autouse=True)
def sites(project: Path) -> Iterator[None]:
    for name in ("shop", "blog"):
        (project / f"{name}.py").write_text(PAGE.format(name=name))
    (project / "rxkernel.toml").write_text(HOSTS)
    yield
    for name in ("shop", "blog"):
        sys.modules.pop(name, None)


def lines_of(project: Path, name: str) -> list[str]:
    """The messages of the application *name* at INFO, without time, level and logger."""
    [file] = (project / "log" / name).glob("*-server.log")
    return [line.partition(": ")[2] for line in file.read_text().splitlines()]


def get(process: Process, host: str, path: str = "/name", *, number: int = 1) -> Any:
    request = Request(f"{process.url(number=number)}{path}", headers={"Host": host})
    with urlopen(request, timeout=DEADLINE) as response:
        return json.load(response)


def test_each_target_is_served_for_its_hosts(start: Start, project: Path) -> None:
    logs = "".join(
        f"[applications.{n}.logging]\ndirectory = 'log/{n}'\n" for n in ("shop", "blog")
    )
    (project / "rxkernel.toml").write_text(HOSTS + logs)
    process = start("serve", "--port", "0", "shop:application", "blog")

    line = process.line(r"^Listening on http://127\.0\.0\.1:\d+ \(HTTP, Socket\.IO\) for (.*)$")

    assert line[1] == "shop and blog"
    assert get(process, "shop.example")["name"] == "shop"
    assert get(process, "blog.example")["name"] == "blog"
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(process, "other.example")
    assert caught.value.code == 421
    caught.value.close()
    process.send(signal.SIGHUP)
    process.line("blog: the settings were read again: no changes")
    (project / "rxkernel.toml").write_text(HOSTS + logs + "keep_days = 0")
    process.send(signal.SIGHUP)
    process.line("blog: the settings are not changed: .*keep_days")
    process.send(signal.SIGTERM)
    assert process.code() == 0
    for name in ("shop", "blog"):
        listening, *read, stopping, stopped = lines_of(project, name)
        assert listening == f"{name}: listening on {process.url()} (HTTP, Socket.IO)"
        assert read[0] == f"{name}: the settings were read again: no changes"
        assert (stopping, stopped) == (f"{name}: stopping", f"{name}: stopped")


def test_workers_serve_several_applications(start: Start, project: Path) -> None:
    (project / "rxkernel.toml").write_text(HOSTS + NO_SOCKETS)
    process = start("serve", "--port", "0", "--workers", "2", "shop", "blog")

    process.line(r"\(HTTP\) for shop and blog with 2 workers$")
    seen = {(a["name"], a["pid"]) for a in until_two_workers(process)}

    assert {name for name, _ in seen} == {"shop", "blog"}
    process.send(signal.SIGTERM)
    assert process.code() == 0


def until_two_workers(process: Process) -> list[Any]:
    answers: list[Any] = []

    def both() -> bool:
        answers.extend(get(process, f"{name}.example") for name in ("shop", "blog"))
        return len({answer["pid"] for answer in answers}) == 2

    until(both)
    return answers


def test_workers_have_sessions_of_several_applications(start: Start, project: Path) -> None:
    proxies = '[http]\ntrusted_proxies = ["127.0.0.1"]\n'
    (project / "rxkernel.toml").write_text(HOSTS + proxies)
    process = start("serve", "--port", "0", "--workers", "2", "shop", "blog")
    process.line("for shop and blog with 2 workers$")

    with connect(process) as connection:
        for host in ("shop.example", "blog.example"):
            for sid in sessions_of_both(process, host=host).values():
                assert exchange(connection, packet(sid, "40", host=host)) == "ok"


def test_reload_restarts_all_applications(start: Start, project: Path) -> None:
    process = start("serve", "--port", "0", "--reload", "shop", "blog")
    assert get(process, "shop.example")["name"] == "shop"

    (project / "shop.py").write_text(PAGE.format(name="new shop"))
    process.line("^Listening on", number=2)

    assert process.url(number=2) == process.url()
    assert get(process, "shop.example", number=2)["name"] == "new shop"
    assert get(process, "blog.example", number=2)["name"] == "blog"
    process.send(signal.SIGTERM)
    assert process.code() == 0


def test_problems_of_all_applications_are_reported_with_their_names(
    run: Run, project: Path
) -> None:
    (project / "shop.py").write_text("import missing_module\n")
    (project / "blog.py").write_text("application = 1\n")

    result = run("serve", "shop", "blog", "wiki")

    assert result.exit_code == 2
    for text in (
        "shop: shop cannot be imported: ModuleNotFoundError",
        "blog: blog:application is int, not an Application",
        "wiki: module 'wiki' not found",
    ):
        assert text in result.output


def test_same_host_in_two_applications_is_reported(run: Run, project: Path) -> None:
    (project / "rxkernel.toml").write_text("")

    result = run("serve", "--port", "0", "shop", "blog")

    assert result.exit_code == 2
    assert "the applications shop and blog share a port, but http.allowed_hosts" in result.output


def test_same_hosts_are_reported_before_an_application_boots(run: Run, project: Path) -> None:
    """Thus no set-up script changes a database."""
    for name in ("shop", "blog"):
        (project / "sites" / name / "app").mkdir(parents=True)
        script = project / "sites" / name / "setup" / "001_tables.py"
        script.parent.mkdir()
        script.write_text(f"def setup():\n    open('{name} has run', 'w').close()\n")
    (project / "rxkernel.toml").write_text("")

    result = run("serve", "--port", "0", "sites/shop", "sites/blog")

    assert result.exit_code == 2
    assert "the applications shop and blog share a port, but http.allowed_hosts" in result.output
    assert not [*project.glob("*has run")]


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        (("shop", "shop:application"), "this application is given twice; remove one"),
        (("shop", "other/shop"), "other/shop is not a folder; correct the path"),
        (("shop", "./."), "is not the folder of an application: it has no folder"),
    ],
)
def test_targets_that_cannot_be_served_together_are_an_error(
    run: Run, targets: tuple[str, ...], text: str
) -> None:
    for command in ("serve", "check"):
        result = run(command, *targets)

        assert result.exit_code == 2
        assert text in result.output


def test_two_applications_with_the_same_name_are_an_error(run: Run, project: Path) -> None:
    (project / "shop.py").write_text(PAGE.format(name="shop") + "\nother = Application()\n")

    result = run("serve", "shop", "shop:other")

    assert result.exit_code == 2
    assert "shop:other: another application has the same name 'shop'" in result.output


def test_folders_are_named_after_the_last_part_of_their_path(start: Start, project: Path) -> None:
    for name in ("shop", "blog"):
        folder = project / "sites" / name / "app" / "name.json"
        folder.mkdir(parents=True)
        source = f"async def get(client):\n    return {{'name': {name!r}}}\n"
        (folder / "get.py").write_text(source)
    process = start("serve", "--port", "0", "sites/shop", "sites/blog/")

    process.line(r" for shop and blog$")

    assert get(process, "shop.example", "/name.json")["name"] == "shop"
    assert get(process, "blog.example", "/name.json")["name"] == "blog"
    process.send(signal.SIGTERM)
    assert process.code() == 0


def test_reload_of_one_site_fails_no_call_of_another(start: Start, project: Path) -> None:
    handlers = {}
    for name in ("shop", "blog"):
        folder = project / "sites" / name / "app" / "name.json"
        folder.mkdir(parents=True)
        handlers[name] = folder / "get.py"
        handlers[name].write_text(HANDLER.format(name=name))
    process = start("serve", "--port", "0", "--debug", "sites/shop", "sites/blog")
    assert get(process, "shop.example", "/name.json")["name"] == "shop"

    handlers["shop"].write_text(HANDLER.format(name="new shop"))
    answers = []

    def is_reloaded() -> bool:
        answers.append(get(process, "blog.example", "/name.json")["name"])
        return bool(get(process, "shop.example", "/name.json")["name"] == "new shop")

    until(is_reloaded)

    assert set(answers) == {"blog"}
    process.send(signal.SIGTERM)
    assert process.code() == 0


HANDLER = "async def get(client):\n    return {{'name': '{name}'}}\n"
