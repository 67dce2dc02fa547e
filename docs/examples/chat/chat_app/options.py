"""`ChatOptions`: what differs between two runs of the chat."""

import os
from pathlib import Path
from typing import Self

import attrs

FOLDER = Path(__file__).parent.parent
"""The folder with the route files and the page."""

_CLIENT = "node_modules/socket.io-client/dist/socket.io.esm.min.js"


def find_socket_client() -> Path | None:
    """Return the script of ``socket.io-client`` in ``node_modules`` of this folder or, as Node
    searches it, of one above."""
    paths = (folder / _CLIENT for folder in (FOLDER, *FOLDER.parents))
    return next((path for path in paths if path.is_file()), None)


@attrs.frozen(kw_only=True)
class ChatOptions:
    """
    Attributes:
        database: the SQLite file of the messages; None: they are in memory.
        admin_key: opens the namespace ``/admin`` and the routes below ``/admin``; None: they are
            closed.
        health_interval: seconds between two samples of the health.
        cleanup_interval: seconds between two removals of old messages.
        kept_messages: most messages of a room that such a removal keeps.
        most_memory: megabytes above which the health is ``warning``.
        most_cpu: percent of one core, likewise.
        socket_client: the script that the page loads.
    """

    database: Path | None = Path("var/chat.sqlite3")
    admin_key: str | None = attrs.field(default=None, repr=False)
    health_interval: float = 30.0
    cleanup_interval: float = 1800.0
    kept_messages: int = 1000
    most_memory: float = 500.0
    most_cpu: float = 90.0
    socket_client: Path | None = attrs.field(factory=find_socket_client)

    @classmethod
    def of_environment(cls) -> Self:
        """Read ``CHAT_DATABASE``, a path or ``:memory:``, and ``CHAT_ADMIN_KEY``."""
        database = os.environ.get("CHAT_DATABASE", "var/chat.sqlite3")
        return cls(
            database=None if database == ":memory:" else Path(database),
            admin_key=os.environ.get("CHAT_ADMIN_KEY") or None,
        )
