"""nginx and HAProxy of a test, with the configuration that the command writes."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bundles.scale.proxy.haproxy import haproxy_text
from bundles.scale.proxy.nginx import nginx_text
from bundles.scale.proxy.plan import Plan
from rxkernel import Application
from tests.ports import reserved_port
from tests.required_tools import require_haproxy, require_nginx

KINDS = ("haproxy", "nginx")

_PATIENCE = 20.0


def port_of(application: Application) -> int:
    port = application.servers["http"].port
    assert port is not None
    return port


@asynccontextmanager
async def proxied(
    kind: str, folder: Path, *applications: Application, certificate: Path | None = None
) -> AsyncIterator[str]:
    """Serve *applications* behind a proxy, and yield its URL. The file *certificate* also contains
    the key."""
    servers = [f"127.0.0.1:{port_of(application)}" for application in applications]
    with reserved_port() as port:
        listen = f"127.0.0.1:{port}"
        pem = None if certificate is None else str(certificate)
        settings = applications[0].settings
        plan = Plan.of(settings, "shop", listen, servers, certificate=pem, key=pem)
        process = _start(kind, plan, folder)
        try:
            await _listening(process, port)
            yield f"{'http' if pem is None else 'https'}://{listen}"
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _start(kind: str, plan: Plan, folder: Path) -> "subprocess.Popen[bytes]":
    command = _haproxy(plan, folder) if kind == "haproxy" else _nginx(plan, folder)
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


async def _listening(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when *process* accepts connections; its log is in the folder of the test."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            assert process.poll() is None, "the proxy has ended"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


def _haproxy(plan: Plan, folder: Path) -> list[str]:
    config = folder / "haproxy.cfg"
    config.write_text(haproxy_text(plan))
    command = [str(require_haproxy()), "-db", "-f", str(config)]
    subprocess.run([*command, "-c"], check=True, capture_output=True)
    return command


def _nginx(plan: Plan, folder: Path) -> list[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{nginx_text(plan)}\n}}\n"
    )
    command = [str(require_nginx()), "-p", str(folder), "-c", str(config)]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    return command
