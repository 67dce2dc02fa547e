"""The servers that are compared, and how each is started.

All of them answer the events of `benchmarks.servers` with the same bytes.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import click

from benchmarks.processes import ServerProcess
from benchmarks.raw_client import RawClient

_HERE = Path(__file__).parent
_MODULES = _HERE / ".peers"
"""What npm installs for the benchmarks; not a part of the sources."""


def _rxkernel(target: str) -> tuple[str, ...]:
    module = f"benchmarks.servers.rxkernel_app:{target}"
    return (sys.executable, "-m", "rxkernel", "serve", "--port", "0", module)


_PLAIN = (sys.executable, "-m", "benchmarks.servers.plain_app")
_NODE = ("node", "--expose-gc", str(_HERE / "servers" / "node_app.mjs"), str(_MODULES))


@attrs.frozen
class Peer:
    """One server; ``offers_deflate`` says what its clients do in the handshake."""

    name: str
    title: str
    command: tuple[str, ...]
    offers_deflate: bool = True

    def client(self, address: str) -> RawClient:
        return RawClient(address, offers_deflate=self.offers_deflate)


_ALL = (
    Peer("plain", "python-socketio on aiohttp", _PLAIN),
    Peer("plain-no-deflate", "the same, clients offer no deflate", _PLAIN, offers_deflate=False),
    Peer("rxkernel", "rxkernel, 3 + 2 listeners", _rxkernel("with_listeners")),
    Peer("rxkernel-bare", "rxkernel, no listeners", _rxkernel("without_listeners")),
    Peer("node", "Node socket.io 4", _NODE),
)
PEERS = {peer.name: peer for peer in _ALL}


def chosen(names: Sequence[str]) -> list[Peer]:
    """The peers of these names that can run here; all, if there are no names."""
    peers = [PEERS[name] for name in names or PEERS]
    if PEERS["node"] in peers and not _has_node():
        peers.remove(PEERS["node"])
    return peers


@contextmanager
def running(peers: Sequence[Peer]) -> Iterator[dict[Peer, ServerProcess]]:
    """All of them at once; one that is not asked costs nothing."""
    with ExitStack() as stack:
        yield {peer: stack.enter_context(ServerProcess(peer.command)) for peer in peers}


def _has_node() -> bool:
    """Whether Node's server can be started; installs it where it is missing, and says so."""
    if (_MODULES / "node_modules" / "socket.io").exists():
        return shutil.which("node") is not None
    npm = shutil.which("npm")
    if npm is None:
        click.echo("npm is not installed: leaving the Node server out", err=True)
        return False
    click.echo(f"installing socket.io 4 from npm into {_MODULES.name}", err=True)
    _MODULES.mkdir(exist_ok=True)
    (_MODULES / "package.json").write_text('{"private": true}\n')
    options = ("--no-audit", "--no-fund", "--silent")
    done = subprocess.run((npm, "install", *options, "socket.io@4"), cwd=_MODULES, timeout=300)
    if done.returncode:
        click.echo("that failed: leaving the Node server out", err=True)
    return done.returncode == 0
