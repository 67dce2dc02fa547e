"""The compared HTTP servers: the packages of each, and how it is started.

Each runs as one process with one worker, without a log, configured for speed by its manual.
Servers without validation use msgspec by hand, as the baseline does.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks.environments import Environment, Interpreter, Npm, Venv, requirements_of_rxkernel
from benchmarks.processes import ServerProcess, reserve_port

_FOLDER = Path(__file__).parent / "servers" / "frameworks"
_FRAMEWORK = "benchmarks.http.servers.frameworks"

_OWN = Interpreter(("aiohttp", "uvloop", "msgspec"))
_UVICORN = ("uvicorn[standard] >= 0.49",)
_MSGSPEC = ("msgspec >= 0.20",)
_GRANIAN = ("granian >= 2.7", "uvloop >= 0.22")


@attrs.frozen
class Listeners:
    """The number of listeners of every route; for peers, of their equivalent."""

    request: int = 0
    response: int = 0

    @classmethod
    def of(cls, total: int) -> "Listeners":
        """*total* of them, three of five on requests."""
        request = -(-total * 3 // 5)
        return cls(request, total - request)

    @property
    def total(self) -> int:
        return self.request + self.response


NONE = Listeners()
FIVE = Listeners.of(5)


@attrs.frozen
class HttpPeer:
    """One server.

    *kind*: ``framework`` in Python, ``node``, ``rxkernel``, or ``floor`` for a plain server.
    """

    name: str
    title: str
    environment: Environment
    command: tuple[str, ...]
    access_log: bool = False
    fast_path: bool = True
    kind: str = "framework"

    def server(self, listeners: Listeners) -> ServerProcess:
        """Its process, not yet started."""
        reservation = reserve_port()
        port = reservation.getsockname()[1]
        command = [self.environment.expand(part) for part in self.command]
        return ServerProcess(
            [part.replace("{port}", str(port)) for part in command],
            reservation=reservation,
            environment={
                "BENCH_PORT": str(port),
                "BENCH_REQUEST_LISTENERS": str(listeners.request),
                "BENCH_RESPONSE_LISTENERS": str(listeners.response),
                "BENCH_ACCESS_LOG": str(int(self.access_log)),
                "RXKERNEL_LOGGING_ACCESS": str(self.access_log).lower(),
                "RXKERNEL_HTTP_FAST_PATH": str(self.fast_path).lower(),
            },
        )


def _module(name: str, *options: str) -> tuple[str, ...]:
    return ("{python}", "-m", f"{_FRAMEWORK}.{name}", *options)


def _uvicorn(name: str) -> tuple[str, ...]:
    options = ("--port", "{port}", "--log-level", "error", "--no-access-log")
    return ("{python}", "-m", "uvicorn", *options, f"{_FRAMEWORK}.{name}:app")


def _granian(name: str, interface: str) -> tuple[str, ...]:
    options = ("--port", "{port}", "--interface", interface, "--loop", "uvloop", "--no-log")
    return ("{python}", "-m", "granian", *options, f"{_FRAMEWORK}.{name}:app")


def _hypercorn(name: str) -> tuple[str, ...]:
    options = ("--bind", "127.0.0.1:{port}", "--worker-class", "uvloop")
    return ("{python}", "-m", "hypercorn", *options, f"{_FRAMEWORK}.{name}:app")


_AIOHTTP = ("{python}", "-m", "benchmarks.http.servers.aiohttp_app")
_TARGET = "benchmarks.http.servers.rxkernel_app:create"
_RXKERNEL = ("{python}", "-m", "rxkernel", "serve", "--port", "{port}", _TARGET)

BASELINE = HttpPeer("aiohttp", "aiohttp and uvloop", _OWN, _AIOHTTP, kind="floor")
RXKERNEL = HttpPeer("rxkernel", "rxkernel", _OWN, _RXKERNEL, kind="rxkernel")
RXKERNEL_ORDINARY = attrs.evolve(
    RXKERNEL, name="rxkernel-ordinary", title="rxkernel, aiohttp path", fast_path=False
)
AIOHTTP_LOGGED, RXKERNEL_LOGGED = (
    attrs.evolve(
        peer,
        name=f"{peer.name}-access-log",
        title=f"{peer.title}, access log on",
        access_log=True,
    )
    for peer in (BASELINE, RXKERNEL)
)


def _peer(
    name: str,
    title: str,
    packages: Sequence[str],
    requirements: Sequence[str],
    command: Sequence[str],
    kind: str = "framework",
) -> HttpPeer:
    folder = name.partition("@")[0]
    environment = Venv(folder, tuple(packages), tuple(requirements))
    return HttpPeer(name.replace("@", "-"), title, environment, tuple(command), kind=kind)


_NESTJS = Npm(
    "nestjs",
    ("@nestjs/core", "fastify"),
    (
        "@nestjs/common@11",
        "@nestjs/core@11",
        "@nestjs/platform-fastify@11",
        "@types/node@20",
        "class-transformer@0.5",
        "class-validator@0.15",
        "reflect-metadata@0.2",
        "rxjs@7",
        "typescript@5",
    ),
    compiles=(_FOLDER / "nestjs_app.ts",),
)
_FRAMEWORKS = (
    _peer(
        "fastapi",
        "FastAPI on uvicorn",
        ("fastapi", "pydantic", "uvicorn"),
        ("fastapi >= 0.165", *_UVICORN),
        _uvicorn("fastapi_app"),
    ),
    _peer(
        "starlette",
        "Starlette on uvicorn",
        ("starlette", "uvicorn"),
        ("starlette >= 1.0", *_UVICORN, *_MSGSPEC),
        _uvicorn("starlette_app"),
    ),
    _peer(
        "litestar",
        "Litestar on uvicorn",
        ("litestar", "uvicorn"),
        ("litestar >= 2.20", *_UVICORN),
        _uvicorn("litestar_app"),
    ),
    _peer(
        "blacksheep@uvicorn",
        "BlackSheep on uvicorn",
        ("blacksheep", "pydantic", "uvicorn"),
        ("blacksheep >= 2.6", "pydantic >= 2.12", *_UVICORN, *_GRANIAN),
        _uvicorn("blacksheep_app"),
    ),
    _peer(
        "blacksheep@granian",
        "BlackSheep on granian",
        ("blacksheep", "pydantic", "granian"),
        ("blacksheep >= 2.6", "pydantic >= 2.12", *_UVICORN, *_GRANIAN),
        _granian("blacksheep_app", "asgi"),
    ),
    _peer(
        "sanic",
        "Sanic",
        ("sanic",),
        ("sanic >= 25.12", *_MSGSPEC),
        _module("sanic_app"),
    ),
    _peer(
        "falcon",
        "Falcon on uvicorn",
        ("falcon", "uvicorn"),
        ("falcon >= 4.2", *_UVICORN, *_MSGSPEC),
        _uvicorn("falcon_app"),
    ),
    _peer(
        "quart@uvicorn",
        "Quart on uvicorn",
        ("quart", "uvicorn"),
        ("quart >= 0.20", "hypercorn >= 0.18", *_UVICORN, *_MSGSPEC),
        _uvicorn("quart_app"),
    ),
    _peer(
        "quart@hypercorn",
        "Quart on hypercorn",
        ("quart", "hypercorn"),
        ("quart >= 0.20", "hypercorn >= 0.18", *_UVICORN, *_MSGSPEC),
        _hypercorn("quart_app"),
    ),
    _peer(
        "robyn",
        "Robyn",
        ("robyn", "pydantic"),
        ("robyn >= 0.80", "pydantic >= 2.12"),
        _module("robyn_app", "--log-level", "WARN", "--disable-openapi"),
    ),
    _peer(
        "emmett55",
        "Emmett55 on granian",
        ("emmett55", "granian"),
        ("emmett55 >= 1.3", *_GRANIAN, *_MSGSPEC),
        _granian("emmett55_app", "rsgi"),
    ),
    _peer(
        "socketify",
        "socketify",
        ("socketify",),
        ("socketify >= 0.0.31", *_MSGSPEC),
        _module("socketify_app"),
        kind="floor",
    ),
    HttpPeer(
        "fastify",
        "Node: Fastify",
        Npm("fastify", ("fastify",), ("fastify@5",)),
        ("node", str(_FOLDER / "fastify_app.mjs"), "{modules}"),
        kind="node",
    ),
    HttpPeer(
        "nestjs",
        "Node: NestJS on Fastify",
        _NESTJS,
        ("node", "{modules}/dist/nestjs_app.js"),
        kind="node",
    ),
)
_ALL = (BASELINE, RXKERNEL, RXKERNEL_ORDINARY, AIOHTTP_LOGGED, RXKERNEL_LOGGED, *_FRAMEWORKS)
PEERS = {peer.name: peer for peer in _ALL}


def on_python(python: str) -> list[HttpPeer]:
    """rxkernel and the baseline on another interpreter."""
    say = "import platform; print(platform.python_version())"
    full = subprocess.check_output((python, "-c", say), text=True).strip()
    version = ".".join(full.split(".")[:2])
    requirements = requirements_of_rxkernel("fast")
    environment = Venv(f"python-{version}", _OWN.packages, requirements, python)
    return [
        attrs.evolve(
            peer,
            name=f"{peer.name}-{version}",
            title=f"{peer.title}, Python {version}",
            environment=environment,
        )
        for peer in (BASELINE, RXKERNEL, RXKERNEL_ORDINARY)
    ]
