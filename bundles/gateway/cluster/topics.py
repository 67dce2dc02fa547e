"""The topics of a namespace, such as ``MOL.REQ.node-1``."""

from collections.abc import Mapping

from bundles.gateway.cluster.packets import Command

_FOR_ALL = (
    Command.DISCOVER,
    Command.INFO,
    Command.DISCONNECT,
    Command.HEARTBEAT,
    Command.PING,
)
_FOR_ONE = (
    Command.EVENT,
    Command.REQUEST,
    Command.RESPONSE,
    Command.DISCOVER,
    Command.INFO,
    Command.PING,
    Command.PONG,
)


class Topics:
    """
    Attributes:
        received: the topics to which a node subscribes, with their commands.
    """

    def __init__(self, namespace: str, node_id: str) -> None:
        self._prefix = f"MOL-{namespace}" if namespace else "MOL"
        self.received: Mapping[str, Command] = {
            **{self.of(command): command for command in _FOR_ALL},
            **{self.of(command, node_id): command for command in _FOR_ONE},
        }

    def of(self, command: Command, node_id: str | None = None) -> str:
        """Return the topic of packets for *node_id*; None: for all nodes."""
        return f"{self._prefix}.{command}" + ("" if node_id is None else f".{node_id}")
