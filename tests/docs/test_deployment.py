"""The pages deployment.md and nginx.md, run in a directory that stands for the machine.

The commands of a page run as they are, but below that directory; those that would change the
machine only write down their arguments. Then its unit, its settings and its nginx are used.
"""

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
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.bundles.redis_servers import running_redis
from tests.cli.processes import DEADLINE, Process, until
from tests.ports import reserved_port
from tests.required_tools import ROOT, require_nginx, require_redis_server, skip_missing_tool

_PAGES = ROOT / "docs" / "operate"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (/\S+)\n")
_FOLDERS = re.compile(r"(?<![\w.])/(opt|etc|var)/")
_STUBBED = ("apt-get", "certbot", "chgrp", "journalctl", "nginx", "systemctl", "useradd")

NAMES = ("ada", "bob")
NOBODY = '{"names":[]}'
"""The response of the new project to ``GET /greetings``."""

_STUB = """#!/bin/sh
echo "$(basename "$0") $*" >> {log}
"""

_SERVICE = re.compile(r"^(.* service install .*) --run-as shop$", re.MULTILINE)
"""The command that would write the unit into the real folder of systemd, for a missing user."""

_WATCH = "/opt/shop/watch.py"
"""A program of a page that needs the running service."""

_INSTALL = """#!{python}
import os, sys
words = iter(sys.argv[1:])
kept = []
for word in words:  # the owner does not exist on this machine
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

    def here(self, text: str) -> str:
        """*text* with the paths of this directory."""
        return _FOLDERS.sub(rf"{self.root}/\1/", text)

    @property
    def calls(self) -> str:
        """What would have changed the machine, a line for each command."""
        return self.path("calls").read_text()

    def unit(self) -> dict[str, str]:
        """The values of the unit, by name."""
        text = self.path("etc/systemd/system/shop.service").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def variables(self) -> dict[str, str]:
        """Those of ``Environment`` in the unit."""
        text = self.path("etc/systemd/system/shop.service").read_text()
        return dict(re.findall(r"^Environment=(\w+)=(.*)$", text, flags=re.MULTILINE))

    def serve(self, variables: Mapping[str, str], project: Path | None = None) -> Process:
        """Start what the unit starts, with *variables* for the ports, in its directory or in that
        of another *project*."""
        unit = self.unit()
        assigned = [f"{name}={value}" for name, value in variables.items()]
        command = ["env", *assigned, *shlex.split(unit["ExecStart"])]
        return Process(command, project or Path(unit["WorkingDirectory"]))


def follow_page(name: str, machine: Path) -> Machine:
    """Write the files of the page, and run its commands, in their order."""
    settings: list[str] = []
    made = Machine(machine, ())
    _write_stubs(made)
    for language, source in _BLOCK.findall((_PAGES / name).read_text(encoding="utf-8")):
        if (named := _FILE.match(source)) is not None:
            path = made.path(named[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made.here(source[named.end() :]))
        elif language == "toml":
            settings.append(made.here(source))
            if len(settings) == 1:
                (machine / "opt/shop/project/rxkernel.toml").write_text(settings[0])
        elif language == "bash" and _WATCH not in source:
            _run(made, source)
    return Machine(machine, tuple(settings))


def _write_stubs(machine: Machine) -> None:
    folder = machine.path("bin")
    folder.mkdir()
    for name in _STUBBED:
        (folder / name).write_text(_STUB.format(log=machine.path("calls")))
    (folder / "curl").write_text("#!/bin/sh\n")  # nothing listens yet; see the tests
    (folder / "install").write_text(_INSTALL.format(python=sys.executable))
    for stub in folder.iterdir():
        stub.chmod(0o755)
    (folder / "python3").symlink_to(sys.executable)
    for name in ("sites-available", "sites-enabled"):
        machine.path(f"etc/nginx/{name}").mkdir(parents=True)
    machine.path("etc/systemd/system").mkdir(parents=True)


def _run(machine: Machine, source: str) -> None:
    """Run the commands of one block. What pip would install is that of the tests."""
    packages = machine.path("opt/shop/venv") / Path(*Path(_packages()).parts[-3:]) / "tests.pth"
    link = f"printf '%s\\n' {shlex.quote(_packages())} {shlex.quote(str(ROOT))} > {packages}"
    script = re.sub(r"^\S+/pip install .*$", lambda _: link, machine.here(source), flags=re.M)
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
    return follow_page("deployment.md", tmp_path_factory.mktemp("machine"))


@pytest.fixture
def pair(tmp_path: Path) -> Machine:
    """The machine with two workers behind nginx."""
    folder = tmp_path / "machine"
    folder.mkdir()
    return follow_page("nginx.md", folder)


def curl(machine: Machine, url: str, port: int, *options: str) -> str:
    """The body of *url*, whose certificate is verified, from 127.0.0.1."""
    program = shutil.which("curl")
    if program is None:
        skip_missing_tool("no curl: `apt-get install curl`")
    return subprocess.run(
        [
            *(program, "-sS", "--max-time", "60"),
            *("--cacert", str(machine.path("etc/shop/fullchain.pem"))),
            *("--resolve", f"shop.example:{port}:127.0.0.1", *options, url),
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


def test_hook_of_the_issuer_is_a_script(machine: Machine) -> None:
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


def test_table_of_the_unit_has_its_lines(machine: Machine) -> None:
    page = (_PAGES / "service.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", page, flags=re.MULTILINE)
    text = machine.path("etc/systemd/system/shop.service").read_text()

    assert len(rows) > 5
    named = [name for row in rows for name in re.findall(r"`([^`]*)`", row)]
    assert [name for name in named if name not in text] == []


def test_unit_waits_longer_for_the_stop_than_serve_needs(machine: Machine) -> None:
    defaults = 0 + 2 * 10 + 10  # shutdown_delay, twice shutdown_timeout, and closing

    assert int(machine.unit()["TimeoutStopSec"]) > defaults


def test_service_of_the_unit_serves_tls(machine: Machine) -> None:
    with reserved_port() as plain:
        variables = {"RXKERNEL_HTTP_PORT": "0", "RXKERNEL_HTTP_HOST": "127.0.0.1"}
        process = machine.serve({**variables, "RXKERNEL_HTTP_TLS_REDIRECT_PORT": str(plain)})
        try:
            port = int(process.line(r"^Listening on https://[\w.]+:(\d+)")[1])
            assert curl(machine, f"https://shop.example:{port}/greetings", port) == NOBODY

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
    """The user of the service cannot write there."""
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


@attrs.frozen
class Behind:
    """The running service of the second page.

    Attributes:
        service: the port of the workers.
        proxy: the port of nginx.
    """

    service: int
    proxy: int


@pytest.fixture
def behind(pair: Machine, tmp_path: Path) -> Iterator[Behind]:
    """Two workers, a Redis and nginx, as the page has them, on free ports."""
    settings = pair.path("opt/shop/project/rxkernel.toml")
    text = settings.read_text()
    with running_redis(require_redis_server(), tmp_path) as redis:
        settings.write_text(text.replace("127.0.0.1:6379", f"127.0.0.1:{redis.port}"))
        process = pair.serve({**pair.variables(), "RXKERNEL_HTTP_PORT": "0"})
        try:
            assert "with 2 workers" in process.line("^Listening on .*")[0]
            service = int(process.url().rpartition(":")[2])
            with nginx_in_front(pair, tmp_path, service) as proxy:
                yield Behind(service, proxy)
        finally:
            process.send(signal.SIGTERM)
            assert process.code() == 0


@contextmanager
def nginx_in_front(machine: Machine, folder: Path, service: int) -> Iterator[int]:
    """Run the page's nginx in front of the port *service*; yields its port of TLS."""
    program = str(require_nginx())
    with reserved_port() as port, reserved_port() as plain:
        config = _nginx_config(machine, folder, service, port, plain)
        command = [program, "-p", str(folder), "-c", str(config)]
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        nginx = subprocess.Popen(command)
    try:
        yield port
    finally:
        nginx.terminate()
        nginx.wait(DEADLINE)


def _nginx_config(machine: Machine, folder: Path, service: int, port: int, plain: int) -> Path:
    """The configuration of nginx that includes the page's, on *port*."""
    site = machine.path("etc/nginx/sites-enabled/shop").read_text()
    for line, here in {
        "127.0.0.1:8000": f"127.0.0.1:{service}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80;": f"listen 127.0.0.1:{plain};",
    }.items():
        assert site.count(line) == 1
        site = site.replace(line, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{site}\n}}\n"
    )
    return config


def test_two_workers_behind_nginx_do_what_the_page_shows(pair: Machine, behind: Behind) -> None:
    """Its program connects two sockets, by polling first, and its requests go through nginx."""
    secret = pair.path("etc/shop/scale.secret")
    assert pair.variables() == {"RXKERNEL_SCALE_SECRET_FILE": str(secret)}
    assert secret.stat().st_mode & 0o777 == 0o640
    assert "--workers 2" in pair.unit()["ExecStart"]

    def readiness() -> str:
        url = f"http://127.0.0.1:{behind.service}/readyz"
        return curl(pair, url, behind.service, "-H", "Host: shop.example")

    assert until(lambda: readiness() == '{"status":"ready"}')
    program = pair.path(_WATCH)
    watch = program.read_text().replace("https://127.0.0.1", f"https://127.0.0.1:{behind.proxy}")
    program.write_text(watch.replace('"shop.example"', f'"shop.example:{behind.proxy}"'))
    shown = subprocess.run(
        [pair.path("opt/shop/venv/bin/python"), program],
        check=True,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    ).stdout

    page = (_PAGES / "nginx.md").read_text(encoding="utf-8")
    differs, *received = shown.splitlines()
    assert f"`{differs}`" in page
    assert received == [f"{name} received: ['news', 'tea'] ['news', 'tea']" for name in NAMES]
    assert f"`{received[0].partition(': ')[2]}`" in page
    site = f"https://shop.example:{behind.proxy}"
    assert curl(pair, f"{site}/news?title=tea", behind.proxy, "-X", "POST").isdigit()
    assert "404 Not Found" in curl(pair, f"{site}/readyz", behind.proxy)
