"""Commands in a directory without a Python module: a bundle makes the application."""

import os
from pathlib import Path

import pytest

from rxkernel import ConfigurationError
from rxkernel.cli.locate import locate
from tests.cli.conftest import Run
from tests.installed_package import install_metadata

HELLO = """
access = "public"


async def method(name: str) -> str:
    return f"Hello, {name}!"
"""


@pytest.fixture
def endpoint(project: Path) -> Path:
    path = project / "application" / "api" / "hello" / "say.py"
    path.parent.mkdir(parents=True)
    path.write_text(HELLO)
    return path


def test_folder_application_api_is_found_without_a_module(endpoint: Path) -> None:
    application = locate(None)

    names = [b if isinstance(b, str) else b.name for b in application.bundles]
    assert names == ["sessions", "security", "contracts", "metacom", "autoload"]


def test_folder_tasks_enables_the_bundle(endpoint: Path, project: Path) -> None:
    (project / "application" / "tasks").mkdir()

    assert "tasks" in locate(None).bundles


def test_module_app_of_the_directory_wins(
    endpoint: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxkernel.cli.locate.DEFAULT", "own_app")
    (project / "own_app.py").write_text(
        "from rxkernel import Application\napplication = Application()\n"
    )

    assert locate(None).bundles == ()


@pytest.mark.parametrize("has_api", [True, False], ids=["api", "no-api"])
def test_folder_app_of_the_directory_enables_the_bundle(has_api: bool, project: Path) -> None:
    (project / "application" / "app").mkdir(parents=True)
    if has_api:
        (project / "application" / "api").mkdir()

    assert "web" in locate(None).bundles


def test_folder_named_app_without_a_module_is_not_the_application(
    endpoint: Path, project: Path
) -> None:
    (project / "app").mkdir()

    assert "contracts" in locate(None).bundles


def test_folders_of_two_bundles_are_an_error(endpoint: Path, project: Path) -> None:
    install_metadata(project, "other", "rxkernel.applications", "site = other:make")
    (project / "site").mkdir()

    with pytest.raises(ConfigurationError) as caught:
        locate(None)

    assert str(caught.value).endswith(
        f"{project} has folders for several: 'application/api' (bundles.autoload:"
        f"create_application, package 'rxkernel') and 'site' (other:make, package 'other'); give "
        f"one as module:attribute"
    )


def test_nothing_found_names_what_was_looked_for(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxkernel.cli.locate.DEFAULT", "no_app_here")
    (project / "application").mkdir()

    result = run("check")

    assert result.exit_code == 2
    assert (
        "no application given, and found neither module 'no_app_here' nor folder "
        f"'application/api' nor folder 'application/app' in {os.getcwd()}; give the application"
    ) in result.stderr
