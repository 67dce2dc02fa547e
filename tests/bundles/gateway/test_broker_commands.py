"""``rxkernel gateway actions`` and ``rxkernel call``."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bundles.gateway import Gateway, action
from rxkernel import Connection
from rxkernel.cli import main
from tests.project_folder import enter_project


class Math:
    @action("math.add", visibility="published", timeout=1.5)
    async def add(self, a: int, b: int) -> int:
        return a + b


class Io(Gateway):
    namespaces = {
        "/": {"events": {"call": {"aliases": {"+": "math.add"}}, "upload": "upload"}},
        "/admin": {"events": {"call": {"whitelist": ["io.*"]}}},
    }

    async def upload(self, connection: Connection, content: bytes) -> None: ...


APP = """\
from bundles.gateway import GatewayBundle
from rxkernel import Application
from tests.bundles.gateway.test_broker_commands import Io, Math

application = Application(bundles=[GatewayBundle(Io)], controllers=[Math])
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    enter_project(tmp_path, monkeypatch)
    (tmp_path / "site_with_actions.py").write_text(APP)
    yield tmp_path
    sys.modules.pop("site_with_actions", None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["--app", "site_with_actions", *arguments])


def test_actions_lists_the_actions() -> None:
    assert run("gateway", "actions").output.splitlines() == [
        "ACTION          VISIBILITY  CACHE  TIMEOUT  RETRIES",
        "io.broadcast    public      no",
        "io.get_clients  public      no",
        "math.add        published   no     1.5",
    ]


def test_actions_as_json_has_the_same_entries_as_the_node() -> None:
    entries = json.loads(run("gateway", "actions", "--json").output)

    names = [entry["action"]["name"] for entry in entries]
    assert names == ["io.broadcast", "io.get_clients", "math.add"]


def test_exposed_lists_the_actions_that_clients_may_call() -> None:
    assert run("gateway", "exposed").output.splitlines() == [
        "NAMESPACE  EVENT   NAME            CALLS",
        "/          call    +               math.add",
        "/          call    math.add        math.add",
        f"/          upload                  {__name__}.Io.upload()",
        "/admin     call    io.broadcast    io.broadcast",
        "/admin     call    io.get_clients  io.get_clients",
    ]


def test_exposed_without_actions_prints_the_heading(project: Path) -> None:
    (project / "site_with_actions.py").write_text(
        "from rxkernel import Application\n\napplication = Application(bundles=['gateway'])\n"
    )
    assert run("gateway", "exposed").output == "NAMESPACE  EVENT  NAME  CALLS\n"


def test_exposed_as_json_has_the_same_columns() -> None:
    first, *_ = json.loads(run("gateway", "exposed", "--json").output)

    assert first == {"namespace": "/", "event": "call", "name": "+", "calls": "math.add"}


def test_call_runs_an_action() -> None:
    result = run("call", "math.add", "--param", "a=1", "--param", "b=2")

    assert json.loads(result.output)["content"] == 3
