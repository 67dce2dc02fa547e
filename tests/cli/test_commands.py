"""Behaviour of every command: reports of mistakes, and commands of bundles."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Write
from tests.cli.installed_bundle import install_bundle

SHOP = """
import click
from rxkernel import Application, Bundle

@click.command
@click.pass_obj
def migrate(application):
    click.echo(f"debug={application.settings.debug} port={application.settings.http.port}")

class Database(Bundle):
    name = "database"
    commands = (migrate,)

application = Application(bundles=[Database])
"""


def test_command_of_a_bundle_gets_the_application_with_its_settings(
    run: Run, write: Write, project: Path
) -> None:
    (project / "rxkernel.toml").write_text("http = {port = 1234}")

    result = run("--app", write(SHOP), "--debug", "migrate")

    assert result.output == "debug=True port=1234\n"
    assert result.exit_code == 0


def test_help_lists_the_commands_of_bundles(run: Run, write: Write) -> None:
    lines = run("--app", write(SHOP), "--help").output.splitlines()

    assert "as in ./sites/shop, TARGET is the folder" in " ".join(map(str.strip, lines))
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :]]
    ours = ["bundles", "call", "check", "listeners", "new", "routes", "serve", "service"]
    assert listed == sorted([*ours, "migrate"])


def test_help_with_broken_application_is_printed(run: Run, write: Write) -> None:
    result = run("--app", write("1 / 0"), "--help")

    assert result.exit_code == 0
    assert "ZeroDivisionError" in result.stderr
    assert "serve" in result.stdout


def test_unknown_command_exits_with_2(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rxkernel.cli.locate.DEFAULT", "no_app_here")

    for arguments in (["nonsense"], ["--app", write(SHOP), "nonsense"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "No such command 'nonsense'" in result.stderr

    result = run("contracts", "test", "shop")
    assert (
        "for a command of a bundle, name the application before it: main --app MODULE contracts"
        in (result.stderr)
    )

    result = run("--app", "nowhere", "nonsense")
    assert result.exit_code == 2
    assert "module 'nowhere'" in result.stderr


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("schema", "'schema' is a command of the bundle 'apidocs', which {app} does not enable"),
        ("taks", "'tasks' is a command of the bundle 'tasks', which {app} does not enable"),
        ("schema", "Application(bundles=['apidocs'])"),
        ("migrat", "did you mean 'migrate'?"),
        ("serv", "did you mean 'serve'?"),
        ("nonsense", "{app} has: bundles, call, check, listeners, migrate, new, routes, serve"),
    ],
)
def test_unknown_command_names_the_bundle_that_has_it(
    command: str, hint: str, run: Run, write: Write
) -> None:
    app = write(SHOP)

    result = run("--app", app, command)

    assert result.exit_code == 2
    assert f"No such command {command!r}; " in result.stderr
    assert hint.format(app=app) in result.stderr
    assert "in front" not in result.stderr


def test_unknown_command_of_the_default_application_names_bundle_and_option(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = write(SHOP)
    monkeypatch.setattr("rxkernel.cli.locate.DEFAULT", app)

    result = run("schema", "openapi")

    assert "is a command of the bundle 'apidocs'" in result.stderr
    assert "name the application before it: main --app MODULE schema" in result.stderr


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "import no_redis",
            "bundle 'storm' cannot be imported: No module named 'no_redis'; install",
        ),
        ("Made = 3", "bundle 'storm' is 3 in storm_of_test:Made, which is not"),
    ],
)
def test_unknown_command_with_name_of_broken_bundle_reports_its_problem(
    source: str, problem: str, run: Run, write: Write, project: Path
) -> None:
    install_bundle(project, "storm", source)

    result = run("--app", write(SHOP), "storm", "list")

    assert f"No such command 'storm'; {problem}" in result.stderr
    assert "'schema' is a command of" in run("--app", write(SHOP), "schema").stderr
    sys.modules.pop("storm_of_test", None)


@pytest.mark.parametrize("arguments", [["migrate", "shop"], ["migrate", "--app", "shop"]])
def test_application_after_command_of_bundle_is_an_error_with_hint(
    arguments: list[str], run: Run, write: Write
) -> None:
    result = run("--app", write(SHOP), *arguments)

    assert result.exit_code == 2
    assert (
        "; name the application before the command: main --app MODULE migrate\n" in result.stderr
    )


def test_app_option_after_command_is_an_error_with_hint(run: Run) -> None:
    stderr = run("routes", "--app", "shop").stderr

    assert "No such option" in stderr
    assert "; name the application before the command: main --app MODULE routes\n" in stderr
    assert "in front" not in run("routes", "--nonsense").stderr
    assert "in front" not in run("routes", "one", "two").stderr


def test_target_before_command_applies_to_all_commands(run: Run, write: Write) -> None:
    shop = write(SHOP)

    assert "database" in run("--app", shop, "bundles").output
    assert "database" in run("--app", "nowhere", "bundles", shop).output


@pytest.mark.parametrize("place", ["before", "behind"])
def test_debug_adds_the_traceback(place: str, run: Run, write: Write) -> None:
    shop = write("1 / 0")
    arguments = ["--debug", "routes", shop] if place == "before" else ["routes", shop, "--debug"]

    plain, debugged = run("routes", shop), run(*arguments)

    assert plain.exit_code == debugged.exit_code == 2
    assert len(plain.stderr.splitlines()) == 1
    assert debugged.stderr.startswith("Traceback (most recent call last)")
    assert debugged.stderr.count("  File ") == 1
    error = plain.stderr.strip()
    assert error.endswith("; fix this error, --debug shows the traceback")
    assert debugged.stderr.splitlines()[-1] == error.removesuffix(", --debug shows the traceback")


@pytest.mark.parametrize(
    "source",
    [
        "from rxkernel import Application\napplication = Application(bundles=['nope'])",
        "from rxkernel import Application, http\n"
        "class Shop:\n    @http('GET', 'x', 'x')\n    async def x(self): ...\n"
        "application = Application(controllers=[Shop])",
    ],
)
def test_debug_adds_no_traceback_to_configuration_error_of_rxkernel(
    source: str, run: Run, write: Write
) -> None:
    """``--debug`` is used for live reload too; a traceback would add nothing to the message."""
    shop = write(source)

    plain, debugged = run("check", shop), run("check", shop, "--debug")

    assert plain.exit_code == debugged.exit_code == 2
    assert debugged.stderr == plain.stderr
    assert len(plain.stderr.splitlines()) == 1


def test_unknown_bundle_is_reported(run: Run, write: Write) -> None:
    shop = write("from rxkernel import Application\napplication = Application(bundles=['nope'])")

    result = run("routes", shop)

    assert result.exit_code == 2
    assert "no bundle 'nope' is installed" in result.stderr


def test_console_script_and_module_print_the_same_version() -> None:
    script = Path(sys.executable).with_name("rxkernel")
    outputs = [
        subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        for command in ([script], [sys.executable, "-m", "rxkernel"])
    ]

    assert outputs[0] == outputs[1]
    assert outputs[0].startswith("rxkernel ")
