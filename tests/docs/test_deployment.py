"""docs/operate/deployment.md, followed in a directory in place of a machine, up to ``systemctl``.

The commands of the page run below that directory. Commands that would change the machine
only log their arguments. The tests then use the unit, the settings and the nginx of the page.
"""

import asyncio
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp
import attrs
import pytest
import socketio

from tests.bundles.redis_servers import running_redis
from tests.cli.processes import DEADLINE, Process, until
from tests.ports import reserved_port
from tests.required_tools import ROOT, require_nginx, require_redis_server, skip_missing_tool
from tests.waiting import until as async_until

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (/\S+)\n")
_FOLDERS = re.compile(r"(?<![\w.])/(opt|etc|var)/")
_STUBBED = ("apt-get", "certbot", "chgrp", "journalctl", "nginx", "systemctl", "useradd")

NO_GREETINGS = '{"names":[]}'
"""The response of the new project to ``GET /greetings``."""

_STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> {log}
"""

_PAGE = (ROOT / "docs" / "operate" / "deployment.md").read_text(encoding="utf-8")
_WORKERS = _PAGE.partition("### Two workers\n")[2].partition("\n## ")[0]
"""This section changes the service, so its test is the last one."""

_SERVICE = re.compile(r"^(.* service install .*) --run-as shop$", re.MULTILINE)
"""The command that would write the unit into the real folder of systemd, for a missing user."""

_INSTALL = """#!{python}
import os, sys
words = iter(sys.argv[1:])
kept = []
for word in words:  # without the owner, which does not exist on this machine
    if word in ("-o", "-g"):
        next(words)
    else:
        kept.append(word)
os.execv("/usr/bin/install", ["install", *kept])
"""


@attrs.frozen
class Machine:
    """The directory in which the page was followed."""

    root: Path
    settings: tuple[str, ...]

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def relocated(self, text: str) -> str:
        """Return *text* with its paths below this directory."""
        return _FOLDERS.sub(rf"{self.root}/\1/", text)

    @property
    def calls(self) -> str:
        """The commands that were only logged, one in each line."""
        return self.path("calls").read_text()

    def unit(self) -> dict[str, str]:
        """Return the values of the unit by name."""
        text = self.path("etc/systemd/system/shop.service").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def serve(self, variables: Mapping[str, str], project: Path | None = None) -> Process:
        """Start the command of the unit, with *variables* for the ports, in the directory of the
        unit or in *project*."""
        unit = self.unit()
        assigned = [f"{name}={value}" for name, value in variables.items()]
        command = ["env", *assigned, *shlex.split(unit["ExecStart"])]
        return Process(command, project or Path(unit["WorkingDirectory"]))


def follow_page(machine: Path) -> Machine:
    """Write the files of the page, and run its commands, in their order."""
    settings: list[str] = []
    made = Machine(machine, ())
    _write_stubs(made)
    for language, source in _BLOCK.findall(_PAGE):
        named = _FILE.match(source)
        if language == "toml":
            settings.append(made.relocated(source))
            project = machine / "opt/shop/project"
            if len(settings) == 1:
                (project / "rxkernel.toml").write_text(settings[0])
        elif named is not None:
            path = made.path(named[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made.relocated(source[named.end() :]))
        elif language == "bash" and source not in _WORKERS:
            _run(made, source)
    return Machine(machine, tuple(settings))


def _write_stubs(machine: Machine) -> None:
    folder = machine.path("bin")
    folder.mkdir()
    for name in _STUBBED:
        (folder / name).write_text(_STUB.format(log=machine.path("calls")))
    (folder / "install").write_text(_INSTALL.format(python=sys.executable))
    (folder / "curl").write_text("#!/bin/sh\n")  # no server listens yet; the tests use curl later
    for stub in folder.iterdir():
        stub.chmod(0o755)
    (folder / "python3").symlink_to(sys.executable)
    for name in ("sites-available", "sites-enabled"):
        machine.path(f"etc/nginx/{name}").mkdir(parents=True)
    machine.path("etc/systemd/system").mkdir(parents=True)


def _run(machine: Machine, source: str) -> None:
    """Run the commands of one block. The packages of the tests replace what pip would install."""
    packages = machine.path("opt/shop/venv") / Path(*Path(_packages()).parts[-3:]) / "tests.pth"
    link = f"printf '%s\\n' {shlex.quote(_packages())} {shlex.quote(str(ROOT))} > {packages}"
    script = re.sub(r"^\S+/pip install .*$", lambda _: link, machine.relocated(source), flags=re.M)
    script = script.replace(" -m venv ", " -m venv --without-pip ")
    user = pwd.getpwuid(os.geteuid()).pw_name
    unit = machine.path("etc/systemd/system/shop.service")
    script = _SERVICE.sub(rf"\1 --run-as {user} --print > {unit}", script)
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        cwd=machine.root,
        env={**_without_settings(), "PATH": f"{machine.path('bin')}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


def _packages() -> str:
    return sysconfig.get_path("purelib")


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name[:9] != "RXKERNEL_"}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return follow_page(tmp_path_factory.mktemp("machine"))


def curl(machine: Machine, url: str, port: int) -> str:
    """Return the body of *url*, requested from 127.0.0.1 with a verified certificate."""
    program = shutil.which("curl")
    if program is None:
        skip_missing_tool("no curl: `apt-get install curl`")
    return subprocess.run(
        [
            *(program, "-sS", "--max-time", "60"),
            *("--cacert", str(machine.path("etc/shop/fullchain.pem"))),
            *("--resolve", f"shop.example:{port}:127.0.0.1", url),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_commands_up_to_systemctl_succeed(machine: Machine) -> None:
    calls = machine.calls.splitlines()

    assert "systemctl enable --now shop" in calls
    assert calls.index("systemctl daemon-reload") < calls.index("systemctl enable --now shop")
    assert machine.path("etc/shop/privkey.pem").stat().st_mode & 0o777 == 0o640
    assert machine.path("etc/letsencrypt/renewal-hooks/deploy/shop").stat().st_mode & 0o111
    assert machine.path("etc/nginx/sites-enabled/shop").is_file()


def test_hook_of_certbot_is_an_executable_script(machine: Machine) -> None:
    hook = machine.path("etc/letsencrypt/renewal-hooks/deploy/shop")

    assert hook.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["/bin/sh", "-n", str(hook)], check=True)


def test_unit_is_valid(machine: Machine) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        skip_missing_tool("no systemd-analyze: `apt-get install systemd`")
    unit = machine.path("etc/systemd/system/shop.service")

    done = subprocess.run(
        [program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )

    ours = [line for line in done.stderr.splitlines() if "shop" in line]
    assert (done.returncode, ours) == (0, [])


def test_table_of_the_page_lists_lines_of_the_unit(machine: Machine) -> None:
    section = _PAGE.partition("## 6.")[2].partition("## 7.")[0]
    rows = re.findall(r"^\| (`.*?`) \|", section, flags=re.MULTILINE)
    text = machine.path("etc/systemd/system/shop.service").read_text()

    assert len(rows) > 5
    named = [name for row in rows for name in re.findall(r"`([^`]*)`", row)]
    assert [name for name in named if name not in text] == []


def test_stop_timeout_of_unit_is_longer_than_serve_needs(machine: Machine) -> None:
    defaults = 0 + 2 * 10 + 10  # shutdown_delay, twice shutdown_timeout, and time to close

    assert int(machine.unit()["TimeoutStopSec"]) > defaults


def test_service_of_the_unit_serves_tls(machine: Machine) -> None:
    with reserved_port() as plain:
        variables = {"RXKERNEL_HTTP_PORT": "0", "RXKERNEL_HTTP_HOST": "127.0.0.1"}
        process = machine.serve({**variables, "RXKERNEL_HTTP_TLS_REDIRECT_PORT": str(plain)})
        try:
            port = int(process.line(r"^Listening on https://[\w.]+:(\d+)")[1])
            assert curl(machine, f"https://shop.example:{port}/greetings", port) == NO_GREETINGS

            reload = shlex.split(
                machine.unit()["ExecReload"].replace("$MAINPID", str(process.pid))
            )
            subprocess.run(reload, check=True)
            process.line("INFO .*: the settings were read again: no changes")
        finally:
            process.send(signal.SIGTERM)
            code = process.code()
    assert code == 0


def test_site_writes_nothing_into_its_project(machine: Machine) -> None:
    """The user of the service may not write there."""
    program, site = machine.path("opt/shop/venv/bin/python"), machine.path("opt/shop/site")
    data = machine.path("var/lib/shop")
    data.mkdir(parents=True)
    rxkernel = [str(program), "-m", "rxkernel"]
    new = [*rxkernel, "new", "--layout", "site", str(site)]
    subprocess.run(new, env=_without_settings(), check=True, capture_output=True)
    (site / "rxkernel.toml").write_text(machine.settings[0] + machine.settings[1])
    before = {*site.rglob("*")}
    override = machine.path("etc/systemd/system/shop.service.d/override.conf").read_text()
    variables = dict(re.findall(r"^Environment=(\w+)=(.*)$", override, flags=re.M))
    assert variables["DATABASE"].startswith(str(data))

    subprocess.run(
        [*rxkernel, "check"],
        cwd=site,
        env={**_without_settings(), **variables, "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
    )
    with reserved_port() as plain:
        ports = {"RXKERNEL_HTTP_PORT": "0", "RXKERNEL_HTTP_HOST": "127.0.0.1"}
        ports["RXKERNEL_HTTP_TLS_REDIRECT_PORT"] = str(plain)
        process = machine.serve({**variables, **ports, "PYTHONDONTWRITEBYTECODE": "1"}, site)
        try:
            port = int(process.line(r"^Listening on https://[\w.]+:(\d+)")[1])
            messages = curl(machine, f"https://shop.example:{port}/messages.json", port)
            assert "The first one" in messages
        finally:
            process.send(signal.SIGTERM)
            code = process.code()

    assert code == 0
    assert {*site.rglob("*")} == before
    assert {file.name for file in data.iterdir()} >= {
        *("site.sqlite3", "setup.sqlite3", "tasks.sqlite3")
    }


@pytest.fixture
def proxied(machine: Machine, tmp_path: Path) -> Iterator[int]:
    """The port of nginx in front of the service, with the second settings of the page."""
    program = str(require_nginx())
    (machine.path("opt/shop/project") / "rxkernel.toml").write_text(machine.settings[2])
    process = machine.serve({"RXKERNEL_HTTP_PORT": "0"})
    try:
        service = process.url().rpartition(":")[2]
        with reserved_port() as port:
            config = _nginx_config(machine, tmp_path, service, port)
            command = [program, "-p", str(tmp_path), "-c", str(config)]
            subprocess.run([*command, "-t"], check=True, capture_output=True)
            nginx = subprocess.Popen(command)
        try:
            yield port
        finally:
            nginx.terminate()
            nginx.wait(DEADLINE)
    finally:
        process.send(signal.SIGTERM)
        assert process.code() == 0


def _nginx_config(machine: Machine, folder: Path, service: str, port: int) -> Path:
    """Return a configuration of nginx on *port*, which includes the configuration of the page."""
    site = machine.path("etc/nginx/sites-enabled/shop").read_text()
    site = site.replace("127.0.0.1:8000", f"127.0.0.1:{service}")
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{site}\n}}\n"
    )
    return config


async def test_nginx_in_front_passes_requests_and_websockets_on(
    machine: Machine, proxied: int
) -> None:
    def answers() -> str | None:
        try:
            return curl(machine, f"https://shop.example:{proxied}/greetings", proxied)
        except subprocess.CalledProcessError:
            return None  # nginx does not listen yet

    assert until(answers) == NO_GREETINGS
    async with (
        aiohttp.ClientSession() as http
    ):  # aiohttp closes its own one in a task, maybe too late
        client = socketio.AsyncClient(reconnection=False, ssl_verify=False, http_session=http)
        await client.connect(
            f"https://127.0.0.1:{proxied}",
            headers={"Host": f"shop.example:{proxied}"},
            transports=["websocket"],
        )
        assert client.transport() == "websocket"
        connection = client.eio.ws.get_extra_info("socket")
        answer = await client.call("greeting_add", {"params": {"name": "Ada"}})
        assert answer["statusCode"] == 201
        await client.disconnect()
    # TLS waits for a reply of nginx, and aiohttp does not wait for it.
    await async_until(lambda: connection.fileno() == -1)


async def test_two_workers_of_the_unit_share_broadcasts(machine: Machine, tmp_path: Path) -> None:
    project, secret = machine.path("opt/shop/project"), machine.path("etc/shop/scale.secret")
    module = project / "app" / "__init__.py"
    bundles = 'Application(\n    bundles=["redis", "scale"],'
    module.write_text(module.read_text().replace("Application(", bundles, 1))
    with running_redis(require_redis_server(), tmp_path) as redis:
        shared = machine.settings[3].replace("127.0.0.1:6379", f"127.0.0.1:{redis.port}")
        (project / "rxkernel.toml").write_text(machine.settings[2] + shared)
        for language, source in _BLOCK.findall(_WORKERS):
            if language == "bash":
                _run(machine, source)
        variable = f"RXKERNEL_SCALE_SECRET_FILE={secret}"
        assert variable in machine.path("etc/systemd/system/shop.service").read_text()
        assert secret.stat().st_mode & 0o777 == 0o640

        variables = {"RXKERNEL_HTTP_PORT": "0", "RXKERNEL_SCALE_SECRET_FILE": str(secret)}
        process = machine.serve(variables)
        try:
            assert "with 2 workers" in process.line("^Listening on .*")[0]
            await _receive_news(process.url(), project, machine, variable)
        finally:
            process.send(signal.SIGTERM)
            assert process.code() == 0


async def _receive_news(url: str, project: Path, machine: Machine, variable: str) -> None:
    """Connect two sockets, one at each worker; both receive what a command sends."""
    got: list[str] = []
    async with aiohttp.ClientSession() as http:
        clients = [socketio.AsyncClient(reconnection=False, http_session=http) for _ in "12"]
        for client in clients:
            client.on("news", got.append)
            await client.connect(url, headers={"Host": "shop.example"}, transports=["websocket"])
        program = str(machine.path("opt/shop/venv/bin/python"))
        emit = [program, "-m", "rxkernel", "emit", "news", '"tea"']
        name, _, value = variable.partition("=")
        variables = {**_without_settings(), name: value}
        sender = await asyncio.create_subprocess_exec(*emit, cwd=project, env=variables)
        assert await sender.wait() == 0
        await async_until(lambda: got == ["tea", "tea"])
        for client in clients:
            await client.disconnect()
