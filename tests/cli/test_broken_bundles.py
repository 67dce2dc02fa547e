"""A bundle that cannot be loaded: one line on stderr and exit code 2, for every command."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Write
from tests.installed_package import install_metadata

APPLICATION = """
from rxkernel import Application
application = Application(bundles=["broken"])
"""

MADE = """
from abc import ABC, abstractmethod
import attrs
import click
from rxkernel import Bundle

class Broken(Bundle):
    name = "broken"
"""

SOURCES = {
    "module raises": "raise RuntimeError('no luck')",
    "module exits": "import sys; sys.exit()",
    "module raises GeneratorExit": "raise GeneratorExit",
    "module raises what has no text": """
class Broken(BaseException):
    def __str__(self): raise ValueError
raise Broken
""",
    "syntax error": "def broken(:",
    "missing package": "import no_redis",
    "missing class": "",
    "not a bundle": "Broken = print",
    "constructor raises": f"{MADE}\n    def __init__(self): raise RuntimeError('no luck')",
    "constructor exits": f"{MADE}\n    def __init__(self): raise SystemExit(0)",
    "constructor raises CancelledError": (
        f"import asyncio\n{MADE}\n    def __init__(self): raise asyncio.CancelledError"
    ),
    "attribute exits": f"{MADE}\n    @property\n    def controllers(self): raise SystemExit(0)",
    "constructor without inject": f"{MADE}\n    def __init__(self, pool): ...",
    "configure raises": f"{MADE}\n    def configure(self, binder): raise RuntimeError('no luck')",
    "abstract": MADE.replace("(Bundle)", "(Bundle, ABC)")
    + "\n    @abstractmethod\n    def paint(self): ...",
    "commands": f"{MADE}\n    commands = (print,)",
    "command of rxkernel": f"{MADE}\n    commands = (click.Command('check'),)",
    "servers": f"{MADE}\n    servers = (print,)",
    "controllers": f"{MADE}\n    controllers = print",
    "requires": f"{MADE}\n    requires = 'sessions'",
    "after": f"{MADE}\n    after = (1,)",
    "circle": f"{MADE}\n    after = ('broken',)",
    "settings class": f"{MADE}\n    settings_class = dict",
    "settings with an unknown type": f"""{MADE}
    @attrs.frozen
    class settings_class:
        pool: "Nowhere" = 1
""",
    "settings that raise": f"""{MADE}
    @attrs.frozen
    class settings_class:
        def __attrs_post_init__(self): raise RuntimeError('no luck')
""",
    "setting without default": f"""{MADE}
    @attrs.frozen
    class settings_class:
        secret: str
""",
    "settings in themselves": f"""{MADE}
@attrs.define
class Nested:
    inner: "Nested | None" = None

Broken.settings_class = Nested
""",
}

BROKEN_WHEN_BUILT = (
    "constructor raises",
    "constructor exits",
    "constructor raises CancelledError",
    "attribute exits",
    "constructor without inject",
    "configure raises",
    "settings that raise",
    "setting without default",
)

COMMANDS = ("serve", "check", "routes", "listeners", "bundles", "call show")


@pytest.fixture
def broken(project: Path) -> Iterator[Callable[[str], None]]:
    def install(source: str) -> None:
        entry, extra = "broken = broken_of_test:Broken", "Provides-Extra: broken\n"
        install_metadata(project, "zoo", "rxkernel.bundles", entry, more=extra)
        (project / "broken_of_test.py").write_text(source)

    yield install
    sys.modules.pop("broken_of_test", None)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", SOURCES)
def test_broken_bundle_prints_one_line_and_exits_with_2(
    what: str, command: str, run: Run, write: Write, broken: Callable[[str], None]
) -> None:
    broken(SOURCES[what])

    result = run(*command.split(), write(APPLICATION))

    if command == "bundles" and what in BROKEN_WHEN_BUILT:
        return  # `bundles` does not build the bundles
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert result.stderr.startswith("Error: ")
    assert "roken" in result.stderr


def test_broken_bundle_in_debug_shows_the_traceback(
    run: Run, write: Write, broken: Callable[[str], None]
) -> None:
    broken(SOURCES["module raises"])

    result = run("routes", "--debug", write(APPLICATION))

    assert result.exit_code == 2
    assert "Traceback (most recent call last)" in result.stderr
    assert "RuntimeError: no luck" in result.stderr


def test_bundle_without_its_extra_in_debug_shows_no_traceback_of_the_import(
    run: Run, write: Write, broken: Callable[[str], None]
) -> None:
    broken(SOURCES["missing package"])

    result = run("routes", "--debug", write(APPLICATION))

    assert result.exit_code == 2
    assert "broken_of_test.py" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: bundle 'broken' cannot be imported")


def test_broken_bundle_is_reported_for_the_command_of_a_bundle(
    run: Run, write: Write, broken: Callable[[str], None]
) -> None:
    broken(SOURCES["module raises"])

    result = run("--app", write(APPLICATION), "migrate")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_help_with_broken_bundle_lists_own_commands(
    run: Run, write: Write, broken: Callable[[str], None]
) -> None:
    broken(SOURCES["module raises"])

    result = run("--app", write(APPLICATION), "--help")

    assert result.exit_code == 0
    assert "no luck" in result.stderr
    assert "serve" in result.stdout


def test_missing_package_of_an_imported_bundle_names_its_extra(
    run: Run, write: Write, broken: Callable[[str], None]
) -> None:
    """The application imports the class of the bundle, and does not name the bundle."""
    broken(SOURCES["missing package"])
    application = write("from broken_of_test import Broken")

    result = run("routes", application)

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "No module named 'no_redis'" in result.stderr
    assert "install its dependencies: pip install 'zoo[broken]'" in result.stderr
