"""The compared servers, and how each is started.

All of them acknowledge the events of `benchmarks.servers` with the same bytes.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import click

from benchmarks.environments import NotInstalledError, Npm
from benchmarks.processes import ServerProcess
from benchmarks.raw_client import RawClient

_SOCKETIO = Npm("socketio", ("socket.io",), ("socket.io@4",))


def serve_command(target: str) -> tuple[str, ...]:
    """The command that serves *target* of `benchmarks.servers` on a free port."""
    module = f"benchmarks.servers.{target}"
    return (sys.executable, "-m", "rxkernel", "serve", "--port", "0", module)


_RXKERNEL = serve_command("rxkernel_app:with_listeners")
_BARE = serve_command("rxkernel_app:without_listeners")
_PLAIN = (sys.executable, "-m", "benchmarks.servers.plain_app")
NODE_APP = Path(__file__).parent / "servers" / "node_app.mjs"
_NODE = ("node", "--expose-gc", str(NODE_APP), str(_SOCKETIO.folder))


@attrs.frozen
class Peer:
    """One server; ``offers_deflate``: whether its clients offer permessage-deflate.

    ``protocol``: the client of its protocol.
    """

    name: str
    title: str
    command: tuple[str, ...]
    offers_deflate: bool = True
    protocol: type[RawClient] = RawClient

    def client(self, address: str) -> RawClient:
        return self.protocol(address, offers_deflate=self.offers_deflate)


_ALL = (
    Peer("plain", "python-socketio on aiohttp", _PLAIN),
    Peer("plain-no-deflate", "the same, clients offer no deflate", _PLAIN, offers_deflate=False),
    Peer("rxkernel", "rxkernel, 3 + 2 listeners", _RXKERNEL),
    Peer("rxkernel-bare", "rxkernel, no listeners", _BARE),
    Peer("node", "Node socket.io 4", _NODE),
)
PEERS = {peer.name: peer for peer in _ALL}


def chosen(names: Sequence[str]) -> list[Peer]:
    """The peers of these names that can run here; without names, all."""
    peers = [PEERS[name] for name in names or PEERS]
    if PEERS["node"] in peers and not can_run(_SOCKETIO, "the Node server"):
        peers.remove(PEERS["node"])
    return peers


def can_run(environment: Npm, title: str) -> bool:
    """Whether *environment*, that of the server *title*, can be installed; the reason is printed
    if not."""
    try:
        environment.install()
    except NotInstalledError as exc:
        click.echo(f"leaving {title} out: {exc}", err=True)
        return False
    return True


@contextmanager
def running(peers: Sequence[Peer]) -> Iterator[dict[Peer, ServerProcess]]:
    """All servers at once; an idle one needs no processor time."""
    with ExitStack() as stack:
        yield {peer: stack.enter_context(ServerProcess(peer.command)) for peer in peers}
