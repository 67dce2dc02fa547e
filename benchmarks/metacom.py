"""Calls of the method ``example/add`` over a WebSocket of Metacom, compared with Impress."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.environments import Npm
from benchmarks.metacom_client import MetacomClient
from benchmarks.peers import Peer, can_run, serve_command
from benchmarks.report import Table
from benchmarks.roundtrips import Load, Pinger, Sent, roundtrips

_IMPRESS = Npm("impress", ("impress", "metacom"), ("impress@3.1.2",))

_NODE_APP = Path(__file__).parent / "servers" / "impress_app.cjs"

NODE = Peer("node", "impress on Node", ("node", str(_NODE_APP), str(_IMPRESS.folder)))
OWN = Peer("rxkernel", "rxkernel", serve_command("metacom_app:create"), protocol=MetacomClient)

CALL = Sent('"method":"example/add","args":{"a":1,"b":2}', b'"result":3', b"}")


class MetacomPinger(MetacomClient, Pinger):
    """Calls the method again after each callback."""


def found() -> list[Peer]:
    """The peers that can run here."""
    return [NODE, OWN] if can_run(_IMPRESS, "impress") else [OWN]


async def metacom_calls(peers: Sequence[Peer], load: Load) -> Table:
    return await roundtrips(peers, load, CALL, "Metacom calls", MetacomPinger)
