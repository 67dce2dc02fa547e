"""Programs that some tests need. If one is missing, the test is skipped with a reason.

In CI (the variable ``CI`` is set) it fails instead: there, a skip would hide a broken set-up.
A pytest plugin: the root `conftest.py` names it in ``pytest_plugins``.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OLDEST_NODE = 18


def skip_missing_tool(reason: str) -> NoReturn:
    """Skip the running test because a tool is missing; in CI, fail it."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{reason}; in CI this test has to run", pytrace=False)
    pytest.skip(reason)


def require_browser() -> Path:
    """The executable of an installed Chromium or Chrome."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return Path(found)
    skip_missing_tool("no Chromium: run `make browser` as root, or `apt-get install chromium`")


def require_node() -> Path:
    """The executable of Node, recent enough and with socket.io-client in ``node_modules``."""
    found = shutil.which("node")
    if found is None:
        skip_missing_tool("no Node: `apt-get install nodejs npm`, then `make install`")
    version = subprocess.check_output([found, "--version"], text=True).strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        skip_missing_tool(f"Node {version} is older than {OLDEST_NODE}")
    if not (ROOT / "node_modules" / "socket.io-client" / "package.json").is_file():
        skip_missing_tool("no socket.io-client in node_modules: run `npm ci`")
    return Path(found)


def require_moleculer_io() -> Path:
    """The executable of Node, with moleculer-io in ``node_modules``."""
    found = require_node()
    for name in ("moleculer", "moleculer-io"):
        if not (ROOT / "node_modules" / name / "package.json").is_file():
            skip_missing_tool(f"no {name} in node_modules: run `npm ci`")
    return found


def require_moleculer() -> Path:
    """The executable of Node, with both versions of Moleculer and its transporters."""
    found = require_node()
    for name in ("moleculer", "moleculer-0.15", "nats", "ioredis"):
        if not (ROOT / "node_modules" / name / "package.json").is_file():
            skip_missing_tool(f"no {name} in node_modules: run `npm ci`")
    return found


def require_metacom() -> Path:
    """The executable of Node, with the client of Metacom in ``node_modules``."""
    found = require_node()
    if not (ROOT / "node_modules" / "metacom" / "package.json").is_file():
        skip_missing_tool("no metacom in node_modules: run `npm ci`")
    return found


def require_typescript() -> Path:
    """The compiler of TypeScript; run it with Node."""
    compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.is_file():
        skip_missing_tool("no typescript in node_modules: run `npm ci`")
    return compiler


def require_slowhttptest() -> Path:
    """The executable of slowhttptest."""
    if found := shutil.which("slowhttptest"):
        return Path(found)
    skip_missing_tool(
        "no slowhttptest: run `make slowhttptest` as root, or `apt-get install slowhttptest`"
    )


@pytest.fixture(scope="session")
def slowhttptest() -> Path:
    return require_slowhttptest()


def require_faketime() -> Path:
    """The library that changes the clock of a process; preload it with ``LD_PRELOAD``."""
    for path in sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        return path
    skip_missing_tool("no libfaketime: run `make faketime` as root, or `apt-get install faketime`")


@pytest.fixture(scope="session")
def faketime() -> Path:
    return require_faketime()


def require_wrk() -> None:
    """The executable of wrk, the load generator of the HTTP benchmarks."""
    if shutil.which("wrk") is None:
        skip_missing_tool("no wrk: run `make wrk` as root, or `apt-get install wrk`")


def require_redis_server() -> Path:
    """The executable of Redis."""
    if found := shutil.which("redis-server"):
        return Path(found)
    skip_missing_tool(
        "no redis-server: run `make redis` as root, or `apt-get install redis-server`"
    )


@pytest.fixture(scope="session")
def redis_server() -> Path:
    return require_redis_server()


def require_nats_server() -> Path:
    """The executable of NATS, which may be in a folder for root only."""
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"
    if found := shutil.which("nats-server", path=path):
        return Path(found)
    skip_missing_tool("no nats-server: run `make nats` as root, or `apt-get install nats-server`")


@pytest.fixture(scope="session")
def nats_server() -> Path:
    return require_nats_server()


def require_nginx() -> Path:
    """The executable of nginx, which may be in a folder for root only."""
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"
    if found := shutil.which("nginx", path=path):
        return Path(found)
    skip_missing_tool("no nginx: run `make nginx` as root, or `apt-get install nginx-light`")


def require_haproxy() -> Path:
    """The executable of HAProxy, which may be in a folder for root only."""
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"
    if found := shutil.which("haproxy", path=path):
        return Path(found)
    skip_missing_tool("no haproxy: run `make haproxy` as root, or `apt-get install haproxy`")


def require_postgresql() -> Path:
    """The folder with ``initdb`` and ``postgres``: Debian's is not in the path."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").is_file():
            return folder
    skip_missing_tool(
        "no PostgreSQL: run `make postgresql` as root, or `apt-get install postgresql`"
    )


@pytest.fixture(scope="session")
def postgresql_programs() -> Path:
    return require_postgresql()


def require_mariadb() -> tuple[Path, Path]:
    """The executables ``mariadbd``, which may be in a folder for root only, and
    ``mariadb-install-db``, which calls ``my_print_defaults`` of the client."""
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"
    program, installer, defaults = (
        shutil.which(name, path=path)
        for name in ("mariadbd", "mariadb-install-db", "my_print_defaults")
    )
    if program is None or installer is None or defaults is None:
        skip_missing_tool(
            "MariaDB is missing or not complete: run `make mariadb` as root, or"
            " `apt-get install mariadb-server-core mariadb-client-core`"
        )
    return Path(program), Path(installer)


@pytest.fixture(scope="session")
def mariadb_programs() -> tuple[Path, Path]:
    return require_mariadb()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Playwright's ``executable_path``."""
    return require_browser()


@pytest.fixture(scope="session")
def node() -> Path:
    """Run it with ``cwd=ROOT`` so that ``require("socket.io-client")`` resolves."""
    return require_node()


@pytest.fixture(scope="session")
def moleculer_io() -> Path:
    """The executable of Node, for scripts that import moleculer-io."""
    return require_moleculer_io()


@pytest.fixture(scope="session")
def wrk() -> None:
    """For `benchmarks.http`."""
    require_wrk()
