"""``rxkernel service install``."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from rxkernel import Application, ConfigurationError, HttpSettings, Settings
from rxkernel.cli.serve_options import ServeOptions
from rxkernel.cli.service_needs import ServiceNeeds, needs_as_user
from rxkernel.cli.unit_file import UnitFile
from rxkernel.settings import LoggingSettings, SocketioSettings, TlsSettings
from tests.cli.conftest import Run, Write
from tests.required_tools import skip_missing_tool

DEFAULTS = Settings()
ME = pwd.getpwuid(os.geteuid()).pw_name
SOURCE = "from rxkernel import Application\n\napplication = Application()\n"
REPORT_IDS = """
import os
print("printed by the application")
open("ids", "a").write(f"{os.getuid()} {os.getgroups()} {'OF_ROOT' in os.environ}")
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def needs(settings: Settings) -> ServiceNeeds:
    return ServiceNeeds.of(Application(settings=settings))


def unit(
    settings: Settings = DEFAULTS,
    *,
    user: str | None = "nobody",
    directory: str = "/srv/shop",
    python: str = sys.executable,
    environment: Mapping[str, str] = {},
) -> str:
    return UnitFile(
        name="shop",
        python=python,
        directory=Path(directory),
        arguments=("shop:application",),
        user=user,
        needs=needs(settings),
        environment=environment,
    ).text()


def test_install_for_user_writes_a_unit(run: Run, write: Write, home: Path) -> None:
    name = write(SOURCE)
    result = run("service", "install", name, "--user", "--name", "shop")

    assert result.exit_code == 0, result.output
    path = home / ".config" / "systemd" / "user" / "shop.service"
    assert f"Written: {path}" in result.output
    assert "systemctl --user daemon-reload && systemctl --user enable --now shop" in result.output
    lines = path.read_text().splitlines()
    assert f"ExecStart={sys.executable} -m rxkernel serve {name}" in lines
    assert f"WorkingDirectory={Path.cwd()}" in lines
    assert "WantedBy=default.target" in lines
    assert not any(line.startswith(("User=", "ProtectSystem=")) for line in lines)


def test_install_does_not_overwrite_without_force(run: Run, write: Write, home: Path) -> None:
    name = write(SOURCE)
    arguments = ("service", "install", name, "--user", "--name", "shop")
    path = home / ".config" / "systemd" / "user" / "shop.service"
    path.parent.mkdir(parents=True)
    path.write_text("mine")

    result = run(*arguments)
    assert result.exit_code == 2
    assert "use --force to overwrite it" in result.output
    assert path.read_text() == "mine"
    assert run(*arguments, "--force").exit_code == 0
    assert path.read_text().startswith("[Unit]")


def test_install_into_folder_that_is_not_writable_is_an_error(
    run: Run, write: Write, home: Path
) -> None:
    home.touch()  # a file in place of the directory, also for root
    result = run("service", "install", write(SOURCE), "--user", "--name", "shop")

    assert result.exit_code == 2
    assert "cannot write" in result.output


def test_install_prints_with_application_of_group(run: Run, write: Write) -> None:
    name = write(SOURCE)
    result = run("--app", name, "service", "install", "--run-as", ME, "--name=x", "--print")

    assert result.exit_code == 0, result.output
    assert f"User={ME}\n" in result.output
    assert f"serve {name}\n" in result.output


def test_install_runs_as_owner_of_directory_unless_root(
    run: Run, write: Write, project: Path
) -> None:
    result = run("service", "install", write(SOURCE), "--name", "x", "--print")

    if project.stat().st_uid == 0:
        assert result.exit_code == 2
        assert "belongs to root" in result.output
    else:
        assert f"User={ME}\n" in result.output


def test_install_writes_options_and_variables_of_its_command(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RXKERNEL_SHUTDOWN_DELAY", "100")
    monkeypatch.setenv("RXKERNEL_SOCKETIO_ENABLED", "false")
    name = write(SOURCE)
    options = ("--host", "0.0.0.0", "--port", "80", "--workers", "2", "--debug")
    result = run("service", "install", name, *options, "--run-as", ME, "--name=x", "--print")

    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    [command] = [line for line in lines if line.startswith("ExecStart=")]
    assert command.endswith(f" serve --host 0.0.0.0 --port 80 --debug --workers 2 {name}")
    assert "Environment=RXKERNEL_SHUTDOWN_DELAY=100" in lines
    assert "TimeoutStopSec=135" in lines
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in lines


def test_install_with_debug_before_the_command_writes_it_into_the_unit(
    run: Run, write: Write
) -> None:
    name = write(SOURCE)
    result = run("--debug", "service", "install", name, "--run-as", ME, "--name=x", "--print")

    assert f"serve --debug {name}\n" in result.output


def test_install_with_workers_and_socketio_port_is_an_error(run: Run, write: Write) -> None:
    Path("rxkernel.toml").write_text("socketio.port = 0")
    arguments = ("service", "install", write(SOURCE), "--workers=2", "--run-as", ME, "--name=x")

    assert "remove socketio.port" in run(*arguments, "--print").output


def test_install_with_secret_variable_is_an_error(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every user can read a unit file."""
    monkeypatch.setenv("RXKERNEL_SECURITY_TOKENS_SECRET", "s3cret" * 10)
    name = write(SOURCE.replace("Application()", "Application(bundles=['security'])"))
    result = run("service", "install", name, "--run-as", ME, "--name=x", "--print")

    assert result.exit_code == 2
    assert "set RXKERNEL_SECURITY_TOKENS_SECRET_FILE to its path" in result.output
    assert "s3cret" not in result.output


def test_install_as_root_does_not_run_code_of_the_user(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    # Not tmp_path, whose parent only the user of the tests can read.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("OF_ROOT", "secret")
        Path("shop.py").write_text(f"{REPORT_IDS}{SOURCE}")
        result = run("service", "install", "shop", "--run-as", "nobody", "--name=x", "--print")
        ids = Path("ids").read_text() if Path("ids").exists() else None
        monkeypatch.undo()

    nobody = pwd.getpwnam("nobody")
    if not _can_load(nobody):
        assert ids is None
        assert "the user 'nobody'" in result.output
        return
    assert ids == f"{nobody.pw_uid} {os.getgrouplist('nobody', nobody.pw_gid)} False"
    assert result.output.startswith("[Unit]")
    assert "User=nobody\n" in result.output


def _can_load(user: pwd.struct_passwd) -> bool:
    """Whether *user* can read this Python and the sources."""
    try:
        command = [sys.executable, "-c", "import rxkernel"]
        return subprocess.run(command, user=user.pw_uid, check=False).returncode == 0
    except OSError:
        return False


def test_install_with_error_in_the_process_of_the_user_reports_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    options = ServeOptions(targets=("missing",), host=None, port=None, debug=False)

    with pytest.raises(ConfigurationError, match=f"cannot be loaded as the user '{ME}'"):
        needs_as_user(options, pwd.getpwnam(ME))
    assert "module 'missing' not found" in capfd.readouterr().err


def test_install_with_folder_of_another_user_is_an_error(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """systemd.exec(5): the owner of an existing StateDirectory is changed recursively."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of another user")
    monkeypatch.setattr("rxkernel.cli.unit_file._STATE", tmp_path)
    arguments = ("service", "install", write(SOURCE), "--name=redis", "--print", "--run-as", ME)
    (tmp_path / "redis").mkdir()

    assert run(*arguments).exit_code == 0
    os.chown(tmp_path / "redis", pwd.getpwnam("nobody").pw_uid, -1)
    assert "redis belongs to another user" in run(*arguments).output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param(["--run-as", "no-such-user"], "user 'no-such-user' does not", id="user"),
        pytest.param(["--user", "--name", "a/b"], "invalid name of a service 'a/b'", id="name"),
        pytest.param(["--user", "--run-as", "nobody"], "cannot be combined", id="both"),
    ],
)
def test_install_with_invalid_option_is_an_error(
    run: Run, write: Write, home: Path, arguments: list[str], error: str
) -> None:
    result = run("service", "install", write(SOURCE), *arguments)

    assert result.exit_code == 2
    assert error in result.output
    assert not home.exists()


def test_stop_timeout_of_unit_is_longer_than_shutdown_settings() -> None:
    slow = Settings(shutdown_delay=5, shutdown_timeout=20.5)

    assert "TimeoutStopSec=35\n" in unit()
    assert "TimeoutStartSec=900\n" in unit()
    assert "TimeoutStopSec=61\n" in unit(slow)


def test_unit_has_capability_to_bind_ports_below_1024_only(tmp_path: Path) -> None:
    assert "CapabilityBoundingSet=\n" in unit()
    assert "CapabilityBoundingSet=\n" in unit(Settings(socketio=SocketioSettings(port=8001)))
    tls = TlsSettings(certificate=tmp_path / "a", key=tmp_path / "b", redirect_port=80)
    text = unit(Settings(http=HttpSettings(port=8443, tls=tls)))
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in text
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" in text


def test_unit_allows_writes_into_log_directory() -> None:
    text = unit(Settings(logging=LoggingSettings(directory=Path("/var/log/the shop"))))

    assert "ReadWritePaths=/srv/shop\n" in text
    assert 'ReadWritePaths="-/var/log/the shop"\n' in text


def test_unit_lets_systemd_create_state_and_log_directories() -> None:
    """systemd.exec(5): systemd creates StateDirectory and LogsDirectory, and they are writable."""
    text = unit(Settings(logging=LoggingSettings(directory=Path("/var/log/shop"))))

    assert "StateDirectory=shop\n" in text
    assert "LogsDirectory=shop\n" in text
    assert "/var/log/shop" not in text
    assert "LogsDirectory" not in unit(
        Settings(logging=LoggingSettings(directory=Path("/var/log/nginx")))
    )
    assert "StateDirectory" not in unit(user=None)


def test_unit_special_characters_are_escaped() -> None:
    text = unit(directory="/srv/100% \\$", environment={"RXKERNEL_X": '100% "of" it'})

    assert "WorkingDirectory=/srv/100%% \\$\n" in text
    assert 'ReadWritePaths="/srv/100%% \\\\$"\n' in text
    assert 'Environment="RXKERNEL_X=100%% \\"of\\" it"\n' in text


def test_unit_directory_with_space_at_its_end_is_kept() -> None:
    """systemd.syntax(7): white space at the end of a line is removed."""
    assert "WorkingDirectory=/srv/shop /\n" in unit(directory="/srv/shop ")


@pytest.mark.parametrize(
    ("user", "folder"),
    [pytest.param("daemon", "100% of $HOME ", id="system"), pytest.param(None, "shop", id="user")],
)
def test_systemd_accepts_the_unit(tmp_path: Path, user: str | None, folder: str) -> None:
    """It reports a missing program, so the path of the program must be unescaped correctly."""
    if shutil.which("systemd-analyze") is None:
        skip_missing_tool("no systemd-analyze: `apt-get install systemd`")
    path = tmp_path / "shop.service"
    tls = TlsSettings(certificate=tmp_path / "a", key=tmp_path / "b", redirect_port=80)
    settings = Settings(http=HttpSettings(tls=tls), logging=LoggingSettings(directory=tmp_path))
    (tmp_path / folder).mkdir()
    python = tmp_path / folder / "python"
    python.symlink_to(sys.executable)
    text = unit(settings, user=user, directory=str(tmp_path / folder), python=str(python))
    path.write_text(text)

    found = subprocess.run(
        ["systemd-analyze", "verify", *(() if user else ("--user",)), "--man=no", str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    own = [line for line in found.stderr.splitlines() if "shop" in line]
    assert own == []
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("name", ["a\nExecStartPre=+touch x", "a\x1b[31m", "a\\"], ids=repr)
def test_unit_directory_with_line_break_is_an_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written into a unit"):
        unit(directory=f"/srv/{name}")
