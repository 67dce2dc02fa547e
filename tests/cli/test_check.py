"""``check``: prints all problems, or a summary."""

from pathlib import Path

from tests.cli.conftest import Run, Write

BROKEN = """
from injector import inject
from rxkernel import Application, http


class Unbound: ...


class One:
    @inject
    def __init__(self, unbound: Unbound): ...


class Two:
    @http("GET", "/a", "same")
    async def a(self, request): ...

    @http("GET", "no-slash", "b")
    async def b(self, request): ...


application = Application(controllers=[One, Two])
"""


def test_check_prints_every_problem_on_one_line(run: Run, write: Write, project: Path) -> None:
    (project / "rxkernel.toml").write_text("prot = 1\n[http]\nport = 'x'\n")

    result = run("check", write(BROKEN))

    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert all(line.startswith("Error: ") for line in lines)
    for text in ("prot from ", "http.port from ", "One asks for Unbound", "'no-slash'"):
        assert sum(text in line for line in lines) == 1, result.stderr
    assert len(lines) == 4


def test_check_prints_problems_of_wiring(run: Run, write: Write) -> None:
    result = run("check", write(BROKEN))

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2


def test_check_prints_problems_of_settings(run: Run, write: Write, project: Path) -> None:
    (project / "rxkernel.toml").write_text("prot = 1")

    result = run("check", write("from rxkernel import Application\napplication = Application()"))

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: prot from ")
    assert len(result.stderr.splitlines()) == 1


def test_check_boots_and_shuts_down(run: Run, write: Write) -> None:
    """No port is opened, so another process may serve at the same time."""
    source = """
from rxkernel import Application, Bundle, http, observe

class Shop:
    @http("GET", "/", "index")
    async def index(self, request): ...

class Log(Bundle):
    name = "log"

    @observe("application.bootstrap")
    async def up(self, event): print("up")

    @observe("application.shutdown")
    async def down(self, event): print("down")

    @observe("server.started")
    async def started(self, event): print("started")

application = Application(controllers=[Shop], bundles=[Log])
"""
    result = run("check", write(source))

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "up",
        "down",
        "All is well:",
        "  HTTP routes       1",
        "  Socket.IO events  0",
        "  listeners         3",
        "  bundles           log",
        "  servers           http, socketio",
    ]


def test_check_exception_of_service_is_not_a_configuration_error(run: Run, write: Write) -> None:
    source = """
from rxkernel import Application, observe

class Listener:
    @observe("application.bootstrap")
    async def boot(self, event): raise OSError("no database")

application = Application(listeners=[Listener])
"""
    result = run("check", write(source))

    assert result.exit_code == 1
    assert isinstance(result.exception, OSError)


def test_check_reports_a_log_directory_that_cannot_be_used(
    run: Run, write: Write, project: Path
) -> None:
    """Together with the problems of the boot."""
    (project / "file").touch()
    (project / "rxkernel.toml").write_text("logging.directory = 'file/logs'")

    result = run("check", write(BROKEN))

    assert result.exit_code == 2
    assert (
        "Error: cannot create logging.directory 'file/logs': Not a directory; create it, or set "
        "another path"
    ) in result.stderr.splitlines()
    assert len(result.stderr.splitlines()) == 3


def test_check_does_not_create_the_log_directory(run: Run, write: Write, project: Path) -> None:
    """The directory would belong to the user of the command, not to the user of the service."""
    (project / "rxkernel.toml").write_text("logging.directory = 'var/logs'")

    result = run("check", write("from rxkernel import Application\napplication = Application()"))

    assert result.exit_code == 0
    assert not (project / "var").exists()


WORKS = "from rxkernel import Application\napplication = Application()"

HOSTS = "[applications.{}.http]\nallowed_hosts = ['{}.example']\n"


def test_check_boots_several_applications(run: Run, write: Write, project: Path) -> None:
    names = [write(WORKS), write(WORKS)]
    tables = [HOSTS.format(name, name.replace("_", "-")) for name in names]
    (project / "rxkernel.toml").write_text("".join(tables))

    result = run("check", *names)

    assert result.exit_code == 0, result.output
    assert [line for line in result.stdout.splitlines() if line[0] != " "] == [
        f"{name}: all is well:" for name in names
    ]


def test_check_reports_all_problems_of_several_applications(
    run: Run, write: Write, project: Path
) -> None:
    names = [write(WORKS), write(BROKEN)]
    (project / "file").touch()
    (project / "rxkernel.toml").write_text(
        f"[applications.{names[1]}.logging]\ndirectory = 'file'\n"
    )

    result = run("check", *names)

    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert f"Error: {names[1]}: cannot create logging.directory 'file'" in result.stderr
    assert f"Error: the applications {' and '.join(names)} share a port, but" in result.stderr
    assert sum(line.startswith(f"Error: {names[1]}: ") for line in lines) == 3
    assert len(lines) == 4
