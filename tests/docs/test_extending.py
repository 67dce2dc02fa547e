"""The example bundle of docs/extend/bundles.md, built as a wheel, installed, and tested through
its entry point."""

import json
import shutil
import signal
import socket
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.processes import DEADLINE, Process
from tests.required_tools import ROOT
from tests.wheels import build_wheel, install, run

EXAMPLE = ROOT / "docs" / "examples" / "rxkernel-lines"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is installed, beside the tests of the example."""
    folder = tmp_path_factory.mktemp("lines")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    install(build_wheel(folder / "source", folder), folder / "site")
    shutil.copytree(folder / "source" / "tests", folder / "tests")
    shutil.copy(EXAMPLE / "pyproject.toml", folder)
    return folder


def test_wheel_of_example_contains_its_package_and_entry_point(site: Path) -> None:
    (wheel,) = site.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entry,) = (name for name in names if name.endswith("entry_points.txt"))
        text = archive.read(entry).decode()

    sources = {str(p.relative_to(EXAMPLE)) for p in (EXAMPLE / "rxkernel_lines").glob("*.py*")}
    assert sources <= names
    assert text.split() == ["[rxkernel.bundles]", "lines", "=", "rxkernel_lines:LinesBundle"]


def test_installed_example_passes_its_tests(site: Path) -> None:
    """The tests call it over its protocol and in process, and reload it under load."""
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")

    printed = run(*pytest_, cwd=site, path=site / "site")

    assert " passed" in printed
    assert "skipped" not in printed


SHOP = """
from rxkernel import Application, HttpSettings, Settings
from rxkernel_lines import LinesSettings

application = Application(
    bundles=["lines"],
    settings=Settings(
        http=HttpSettings(port=0), bundles={"lines": LinesSettings(port=0, modules=("stock",))}
    ),
)
"""


def test_installed_example_is_served_and_called(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    shutil.copy(site / "tests" / "stock.py", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(site / "site"))

    process = Process([sys.executable, "-m", "rxkernel", "serve", "shop"], tmp_path)
    try:
        where = process.line(r"^Listening on .* and tcp://127\.0\.0\.1:(\d+) \(JSON lines\)$")
        with socket.create_connection(("127.0.0.1", int(where[1])), DEADLINE) as client:
            client.sendall(b'{"id": "a", "call": "stock.price", "params": {"name": "tea"}}\n')
            answer = json.loads(client.makefile().readline())
        process.send(signal.SIGTERM)

        assert answer == {"id": "a", "status": 200, "content": 3}
        assert process.code() == 0
    finally:
        process.kill()
