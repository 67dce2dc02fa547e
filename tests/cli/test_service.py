"""``rxkernel service install``."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rxkernel import ConfigurationError, HttpSettings, Settings
from rxkernel.cli.unit_file import UnitFile
from rxkernel.settings import LoggingSettings, SocketioSettings, TlsSettings
from tests.cli.conftest import Run, Write
from tests.required_tools import absent

SOURCE = "from rxkernel import Application\n\napplication = Application()\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def unit(*settings: Settings, user: str | None = "nobody", directory: str = "/srv/shop") -> str:
    return UnitFile(
        name="shop",
        python=sys.executable,
        directory=Path(directory),
        targets=("shop:application",),
        user=user,
        settings=settings or (Settings(),),
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
    assert "write --force to overwrite it" in result.output
    assert path.read_text() == "mine"
    assert run(*arguments, "--force").exit_code == 0
    assert path.read_text().startswith("[Unit]")


def test_install_where_it_may_not_write_is_an_error(run: Run, write: Write, home: Path) -> None:
    home.touch()  # a file in place of the directory, also for root
    result = run("service", "install", write(SOURCE), "--user", "--name", "shop")

    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_install_prints_with_application_of_group(run: Run, write: Write) -> None:
    name = write(SOURCE)
    result = run("--app", name, "service", "install", "--run-as", "nobody", "--name=x", "--print")

    assert result.exit_code == 0, result.output
    assert "User=nobody\n" in result.output
    assert f"serve {name}\n" in result.output


def test_install_runs_as_owner_of_directory_unless_root(
    run: Run, write: Write, project: Path
) -> None:
    result = run("service", "install", write(SOURCE), "--name", "x", "--print")
    owner = pwd.getpwuid(project.stat().st_uid)

    if owner.pw_uid == 0:
        assert result.exit_code == 2
        assert "belongs to root" in result.output
        os.chown(project, pwd.getpwnam("nobody").pw_uid, -1)
        result = run("service", "install", write(SOURCE), "--name", "x", "--print")
        owner = pwd.getpwnam("nobody")
    assert f"User={owner.pw_name}\n" in result.output


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


def test_stop_timeout_is_longer_than_that_of_the_settings() -> None:
    slow = Settings(shutdown_delay=5, shutdown_timeout=20.5)

    assert "TimeoutStopSec=35\n" in unit()
    assert "TimeoutStartSec=900\n" in unit()
    assert "TimeoutStopSec=61\n" in unit(Settings(), slow)


def test_only_ports_below_1024_have_a_capability(tmp_path: Path) -> None:
    assert "CapabilityBoundingSet=\n" in unit()
    assert "CapabilityBoundingSet=\n" in unit(Settings(socketio=SocketioSettings(port=8001)))
    tls = TlsSettings(certificate=tmp_path / "a", key=tmp_path / "b", redirect_port=80)
    text = unit(Settings(http=HttpSettings(port=8443, tls=tls)))
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in text
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" in text


def test_log_directory_may_be_written() -> None:
    text = unit(Settings(logging=LoggingSettings(directory=Path("/var/log/the shop"))))

    assert "ReadWritePaths=/srv/shop\n" in text
    assert 'ReadWritePaths="-/var/log/the shop"\n' in text


def test_special_characters_are_escaped() -> None:
    text = unit(directory="/srv/100% \\$")

    assert "WorkingDirectory=/srv/100%% \\$\n" in text
    assert 'ReadWritePaths="/srv/100%% \\\\$"\n' in text


@pytest.mark.parametrize("user", ["daemon", None])
def test_systemd_accepts_the_unit(tmp_path: Path, user: str | None) -> None:
    if shutil.which("systemd-analyze") is None:
        absent("no systemd-analyze: `apt-get install systemd`")
    path = tmp_path / "shop.service"
    tls = TlsSettings(certificate=tmp_path / "a", key=tmp_path / "b", redirect_port=80)
    settings = Settings(http=HttpSettings(tls=tls), logging=LoggingSettings(directory=tmp_path))
    path.write_text(unit(settings, user=user, directory=str(tmp_path)))

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
def test_directory_that_would_write_other_lines_is_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written into a unit"):
        unit(directory=f"/srv/{name}")
