"""Commands in a directory without a Python module: a bundle creates the application."""

import os
from pathlib import Path

import pytest

from bundles.autoload import AutoloadBundle
from rxkernel import ConfigurationError
from rxkernel.cli.locate import locate, name_of
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


def test_module_app_precedes_folder_application(
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


def test_folder_app_without_a_module_is_ignored(endpoint: Path, project: Path) -> None:
    (project / "app").mkdir()

    assert "contracts" in locate(None).bundles


def test_folders_of_two_bundles_are_an_error(endpoint: Path, project: Path) -> None:
    install_metadata(project, "other", "rxkernel.applications", "site = other:make")
    (project / "site").mkdir()

    with pytest.raises(ConfigurationError) as caught:
        locate(None)

    assert str(caught.value).endswith(
        f"{project} has folders for several: 'application/api' (bundles.autoload:"
        f"create_application, package 'rxkernel') and 'site' (other:make, package 'other'); pass "
        f"one as module:attribute"
    )


def test_directory_without_application_error_names_module_and_folders(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxkernel.cli.locate.DEFAULT", "no_app_here")
    (project / "application").mkdir()

    result = run("check")

    assert result.exit_code == 2
    assert (
        "no application given, and found neither module 'no_app_here' nor folder "
        f"'application/api' nor folder 'application/app' in {os.getcwd()}; pass the application"
    ) in result.stderr


def test_folder_of_project_loads_its_folder_application(project: Path) -> None:
    (project / "sites" / "shop" / "application" / "app").mkdir(parents=True)

    [autoload] = [one for one in locate("sites/shop").bundles if isinstance(one, AutoloadBundle)]

    assert autoload.root == Path("sites/shop/application")


def test_folder_of_project_with_module_app_is_an_error(project: Path) -> None:
    """The application of the module may differ: it may have users."""
    (project / "sites" / "shop" / "application" / "app").mkdir(parents=True)
    (project / "sites" / "shop" / "app.py").touch()

    with pytest.raises(ConfigurationError) as caught:
        locate("sites/shop")

    assert str(caught.value) == (
        "sites/shop has a module app, which creates its application; pass it as a module, such as "
        "sites.shop.app"
    )


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("sites/shop", "shop"),
        ("sites/shop/", "shop"),
        ("sites/shop/application", "shop"),
        ("./application", "project"),
        ("sites/application/app/..", "sites"),
    ],
)
def test_application_of_folder_is_named_after_its_project(
    target: str, name: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each project of ``rxkernel new`` has a folder ``application``."""
    (project / "project" / "sites" / "application" / "app").mkdir(parents=True)
    monkeypatch.chdir(project / "project")

    assert name_of(target) == name
