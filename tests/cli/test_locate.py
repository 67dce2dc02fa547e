"""Targets of commands, and the errors for invalid ones."""

import sys
from pathlib import Path

import pytest

from rxkernel import Application, ConfigurationError
from rxkernel.cli.locate import TargetMissingError, locate
from tests.cli.conftest import Write

APPLICATION = "from rxkernel import Application\n"


def problem(target: str | None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        locate(target)
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize(
    ("source", "attribute"),
    [
        ("application = Application()", ""),
        ("def create_application():\n    return Application()", ""),
        ("other = Application()", ":other"),
        ("def make(debug=False):\n    return Application()", ":make"),
        ("class Parts:\n    one = Application()", ":Parts.one"),
        ("class Mine(Application): ...", ":Mine"),
        ("def make(debug=False):\n    return Application()", ":make()"),
        ("class Parts:\n    make = Application", ":Parts.make()"),
    ],
)
def test_target_is_an_application_or_a_function_that_returns_one(
    source: str, attribute: str, write: Write
) -> None:
    assert isinstance(locate(write(APPLICATION + source) + attribute), Application)


def test_target_is_found_in_current_directory(write: Write, project: Path) -> None:
    """The console script, unlike ``python -m``, does not have it on its path."""
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(project))]

    locate(write(APPLICATION + "application = Application()"))

    assert sys.path[0] == str(project)


def test_current_directory_is_first_also_if_pythonpath_names_it(
    write: Write, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The console script has its own directory first, then those of PYTHONPATH."""
    name = write(APPLICATION + "application = mine = Application()")
    other = tmp_path_factory.mktemp("other")
    (other / f"{name}.py").write_text(APPLICATION + "application = Application()")
    sys.path[:] = ["/scripts", str(other), str(project), *sys.path]

    locate(f"{name}:mine")

    assert sys.path[0] == str(project)


@pytest.mark.parametrize(
    "target",
    [
        *("app.py", "shop/app", "app:", ":application", ""),
        *("app:()", "app:make(1)", "app:make()()", "app:make().one", "app()", "app:a b"),
    ],
)
def test_target_invalid_import_path_is_rejected(target: str) -> None:
    assert "use module:attribute" in problem(target)


def test_target_missing_module_and_missing_import_are_distinguished(write: Write) -> None:
    with pytest.raises(TargetMissingError, match=r"module 'nowhere\.at\.all'"):
        locate("nowhere.at.all")

    name = write("\nimport nowhere_else")
    text = problem(name)

    assert text.startswith(f"{name} cannot be imported: ModuleNotFoundError: No module named")
    assert f"{name}.py, line 2)" in text


def test_default_target_missing_error_hints_at_rxkernel_new(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr("rxkernel.cli.locate.DEFAULT", "no_app_here")

    assert problem(None) == (
        f"no application given, and module 'no_app_here' not found in {project}; pass the "
        f"application as module:attribute, or create a project: python -m rxkernel new DIRECTORY"
    )


@pytest.mark.parametrize(
    ("source", "attribute", "text"),
    [
        ("x = (", "", "SyntaxError: '(' was never closed"),
        ("1 / 0", "", "ZeroDivisionError: division by zero ("),
        ("", "", "has no application or create_application; name the attribute: "),
        ("", ":shop", "has no shop; correct the name"),
        ("shop = 7", ":shop", ":shop is int, not an Application"),
        ("shop = 7", ":shop()", ":shop is int, not an Application"),
        ("def shop(port): ...", ":shop()", ":shop needs arguments (missing a required argument"),
        (f"{APPLICATION}shop = Application()", ":shop()", ":shop is an Application, not a func"),
        ("def shop(): return 7", ":shop", ":shop returned int, not an Application"),
        ("async def shop(): ...", ":shop", ":shop is async; make it a plain def"),
        ("def shop(port): ...", ":shop", ":shop needs arguments (missing a required argument"),
        ("def shop(): 1 / 0", ":shop", ":shop() failed: ZeroDivisionError"),
        (
            "from rxkernel import ConfigurationError\nraise ConfigurationError('its own')",
            "",
            "its own",
        ),
        (
            "from rxkernel import ConfigurationError\n"
            "def create_application():\n    raise ConfigurationError('its own')",
            "",
            "its own",
        ),
    ],
)
def test_module_without_application_names_the_reason(
    source: str, attribute: str, text: str, write: Write
) -> None:
    assert text in problem(write(source) + attribute)


def test_invalid_declaration_is_reported_with_its_line(write: Write) -> None:
    """The error is raised during the import; the message contains the line."""
    name = write("from rxkernel import Query\n\nx = Query(alias='y')")

    assert problem(name).startswith(
        "Query() has no argument alias; the name on the wire is the first"
    )
    assert problem(name).endswith(f"{name}.py, line 3)")


def test_invalid_declaration_by_a_bundle_is_reported_with_the_line_of_the_application(
    write: Write,
) -> None:
    name = write("from bundles.security import access\n\nx = access(roles=[])")

    assert problem(name).endswith(f"{name}.py, line 3)")


@pytest.mark.parametrize("annotation", ["list[int]", "list | None", "dict[str, list[int]]"])
def test_method_that_hides_a_type_is_reported_with_its_line(annotation: str, write: Write) -> None:
    name = write(
        f"class Tasks:\n"
        f"    async def list(self): ...\n"
        f"    async def show(self, ids: {annotation}): ..."
    )

    assert "line 3); the method 'list' hides the type 'list' in its class; rename" in problem(name)


@pytest.mark.parametrize(
    ("source", "attribute", "names"),
    [
        ("application = Application()", ":app", ["application"]),
        ("shop = Application()\nbar = Application()", "", ["shop", "bar"]),
        ("def create_application():\n    return Application()", ":app", ["create_application"]),
    ],
)
def test_application_with_another_name_is_suggested(
    source: str, attribute: str, names: list[str], write: Write
) -> None:
    module = write(APPLICATION + source)

    places = " or ".join(f"{module}:{name}" for name in names)
    assert problem(module + attribute).endswith(f"; did you mean {places}?")


@pytest.mark.parametrize("part", ["api", "app"])
@pytest.mark.parametrize("target", ["shop_21", "shop_21:application", "sites_21.shop", "shop-21"])
def test_folder_of_an_application_without_slash_is_suggested(
    target: str, part: str, project: Path
) -> None:
    folder = target.partition(":")[0].replace(".", "/")
    (project / folder / part).mkdir(parents=True)

    assert problem(target).endswith(f"; write ./{folder}, with a /, for the folder")


def test_working_directory_and_folder_with_a_dot_are_suggested(project: Path) -> None:
    for folder in ("app", "example-shop.org/app"):
        (project / folder).mkdir(parents=True)

    assert problem(".").endswith("; write ./, with a /, for the folder")
    assert problem("example-shop.org").endswith(
        "; write ./example-shop.org, with a /, for the folder"
    )


def test_folder_with_the_name_of_an_installed_module_is_suggested(project: Path) -> None:
    (project / "site" / "app").mkdir(parents=True)

    assert problem("site").endswith("; write ./site, with a /, for the folder")


def test_other_folder_is_not_suggested(project: Path) -> None:
    (project / "shop_22").mkdir()

    assert problem("shop_22").endswith("; name the attribute: shop_22:attribute")
