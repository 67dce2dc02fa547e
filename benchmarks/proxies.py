"""Requests through the reverse proxy of the bundle web, compared with nginx."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp
import attrs

from benchmarks.peers import serve_command
from benchmarks.processes import ServerProcess, client_core, reserve_port
from benchmarks.report import Table

SIZES = {"1 KB": 1024, "10 MB": 10_485_760}
CONNECTIONS = 8

_CONFIGURATION = """
daemon off; worker_processes 1; pid {root}/{name}.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off; sendfile on;
    client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
    uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
    upstream other {{ server 127.0.0.1:{upstream}; keepalive 64; }}
    server {{ listen 127.0.0.1:{port}; root {root}/files; location / {{ {location} }} }}
}}
"""
_FORWARD = (
    "proxy_pass http://other; proxy_http_version 1.1; proxy_set_header Connection ''; "
    "proxy_set_header X-Forwarded-For $remote_addr; proxy_max_temp_file_size 0;"
)


@attrs.define(eq=False)
class Measured:
    """The rounds of one server and one size: seconds of a request, and its processor time."""

    times: list[float] = attrs.field(factory=list)
    costs: list[float] = attrs.field(factory=list)


async def proxies(*, seconds: float, rounds: int) -> Table:
    """Measure, in turn; nginx is missing in the table if it is not installed."""
    table = Table(
        f"Proxies, {CONNECTIONS} connections",
        {
            "server": "",
            "body": "",
            "requests/s": ",.0f",
            "ms": ".3f",
            "CPU ms": ".3f",
            "MB": ".1f",
        },
        "CPU ms is the processor time of the proxy for a request; MB its memory at the end.",
    )
    if shutil.which("nginx") is None:
        table.note = "nginx, which is the other server too, is not installed"
        return table
    with ExitStack() as stack:
        servers = dict(_servers(stack))
        found = {(name, size): Measured() for size in SIZES for name in servers}
        with client_core():
            for _ in range(rounds):
                for (name, size), measured in found.items():
                    await _measure(servers[name], size, seconds, measured)
        for (name, size), measured in found.items():
            taken = median(measured.times)
            memory = servers[name].memory() / 1e6
            cost = median(measured.costs) * 1000
            table.add(name, size, 1 / taken, taken * 1000 * CONNECTIONS, cost, memory)
    return table


def _servers(stack: ExitStack) -> Iterator[tuple[str, ServerProcess]]:
    root = Path(stack.enter_context(TemporaryDirectory()))
    root.chmod(0o755)
    (root / "files").mkdir()
    for name, size in SIZES.items():
        (root / "files" / _file(name)).write_bytes(b"x" * size)
    upstream = stack.enter_context(_nginx(root, "upstream", "", 1))
    environment = {"UPSTREAM": f"http://127.0.0.1:{upstream.port}"}
    command = serve_command("proxy_app:create")
    yield "nginx", stack.enter_context(_nginx(root, "proxy", _FORWARD, upstream.port))
    yield "rxkernel", stack.enter_context(ServerProcess(command, environment=environment))


@contextmanager
def _nginx(root: Path, name: str, location: str, upstream: int) -> Iterator[ServerProcess]:
    reservation = reserve_port()
    port = reservation.getsockname()[1]
    file = root / f"{name}.conf"
    text = _CONFIGURATION.format(
        root=root, name=name, upstream=upstream, port=port, location=location
    )
    file.write_text(text)
    with ServerProcess(("nginx", "-c", str(file)), reservation=reservation) as server:
        yield server


def _file(name: str) -> str:
    return f"{name.replace(' ', '')}.bin"


async def _measure(server: ServerProcess, size: str, seconds: float, into: Measured) -> None:
    count = 0
    end = time.monotonic() + seconds

    async def load(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.monotonic() < end:
            async with session.get(f"/{_file(size)}") as response:
                received = 0
                async for piece in response.content.iter_any():
                    received += len(piece)
            assert (response.status, received) == (200, SIZES[size])
            count += 1

    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        begin, before = time.monotonic(), server.processor_time()
        await asyncio.gather(*(load(session) for _ in range(CONNECTIONS)))
        into.costs.append((server.processor_time() - before) / count)
        into.times.append((time.monotonic() - begin) / count)
