"""``rxkernel setup``."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rxkernel.cli import main
from tests.project_folder import enter_project

APP = """\
from bundles.autoload import AutoloadBundle
from rxkernel import Application

application = Application(bundles=["contracts", AutoloadBundle("town")])
"""

SCRIPT = """\
def setup():
    with open("runs", "a") as file:
        file.write("NAME ")
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    enter_project(tmp_path, monkeypatch)
    (tmp_path / "site_with_setup.py").write_text(APP)
    folder = tmp_path / "town" / "setup"
    (folder / "geo").mkdir(parents=True)
    (tmp_path / "town" / "lib").mkdir()
    for name in ("001_tables", "geo/cities"):
        path = folder / f"{name}.py"
        path.write_text(SCRIPT.replace("NAME", name))
    yield tmp_path
    sys.modules.pop("site_with_setup", None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["--app", "site_with_setup", "setup", *arguments])


def states() -> dict[str, str]:
    listed = json.loads(run("list", "--json").output)
    return {script["name"]: script["state"] for script in listed}


def test_list_shows_scripts_without_running_them(project: Path) -> None:
    assert states() == {"001_tables": "new", "geo/cities": "new"}

    assert not (project / "runs").exists()
    assert run("list").output.splitlines() == [
        "SCRIPT      STATE  LAST RUN  SECONDS  ERROR",
        "001_tables  new    never",
        "geo/cities  new    never",
    ]


def test_run_executes_scripts_that_are_not_done(project: Path) -> None:
    assert run("run").exit_code == 0
    (project / "town" / "setup" / "geo" / "cities.py").write_text("def setup():\n    1 / 0\n")
    assert states() == {"001_tables": "done", "geo/cities": "changed"}

    result = run("run")

    assert result.exit_code == 2
    assert "cities.py:2: setup() raised ZeroDivisionError: division by zero" in result.stderr
    assert states() == {"001_tables": "done", "geo/cities": "failed"}
    assert run("list").output.splitlines()[2].endswith("ZeroDivisionError: division by zero")
    assert (project / "runs").read_text() == "001_tables geo/cities "


@pytest.mark.parametrize("name", ["geo/cities", "setup/geo/cities.py"])
def test_run_again_runs_a_script_that_is_done(name: str, project: Path) -> None:
    run("run")

    assert run("run", "--again", name).exit_code == 0

    assert (project / "runs").read_text() == "001_tables geo/cities geo/cities "


def test_run_again_of_an_unknown_script_is_an_error(project: Path) -> None:
    result = run("run", "--again", "citys")

    assert result.exit_code == 2
    assert "unknown script 'citys'; the scripts are: 001_tables, geo/cities" in result.stderr
    assert not (project / "runs").exists()


def test_list_of_the_default_root_without_scripts(project: Path) -> None:
    (project / "site_with_setup.py").write_text(
        "from rxkernel import Application\n\n"
        "application = Application(bundles=['contracts', 'autoload'])\n"
    )

    assert run("list").output == "No scripts.\n"
    assert "the scripts are: (none)" in run("run", "--again", "a").stderr


HOOKS = """\
def start():
    open("NAME started", "w").close()


def stop():
    open("NAME stopped", "w").close()
"""


def test_check_runs_no_script_and_no_start_hook_after_it(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The earlier version may still use the database."""
    for place in ("db", "init"):
        file = project / "town" / place / "data.py"
        file.parent.mkdir()
        file.write_text(HOOKS.replace("NAME", place))

    result = check()

    assert result.exit_code == 0, result.output
    assert caplog.messages == [
        "town/setup/001_tables.py: runs for the first time at the next start",
        "town/setup/geo/cities.py: runs for the first time at the next start",
        "a check runs neither set-up scripts nor the start hooks of domain and init after them",
    ]
    made = {path.name for path in project.iterdir() if path.suffix != ".py"} - {"__pycache__"}
    assert made == {"town", "db started", "db stopped"}

    run("run")
    for file in project.glob("* st*"):
        file.unlink()
    caplog.clear()

    assert check().exit_code == 0
    assert caplog.messages == []
    assert {path.name for path in project.glob("* st*")} == {
        f"{place} {what}" for place in ("db", "init") for what in ("started", "stopped")
    }
    assert (project / "runs").read_text() == "001_tables geo/cities "


def test_check_reports_syntax_errors_of_scripts_that_are_not_done(project: Path) -> None:
    (project / "town" / "setup" / "geo" / "cities.py").write_text("def setup(:\n")

    result = check()

    assert result.exit_code == 2
    assert "town/setup/geo/cities.py:1: SyntaxError" in result.stderr


def check() -> Result:
    return CliRunner().invoke(main, ["check", "site_with_setup"])
