"""The files of the page, and the script of ``socket.io-client``."""

from pathlib import Path

FOLDER = Path(__file__).parent.parent
PUBLIC = FOLDER / "public"
_CLIENT = "node_modules/socket.io-client/dist/socket.io.esm.min.js"


def find_socket_client() -> Path | None:
    """Return the script of ``socket.io-client`` in ``node_modules`` of this folder or, as Node
    searches it, of one above."""
    paths = (folder / _CLIENT for folder in (FOLDER, *FOLDER.parents))
    return next((path for path in paths if path.is_file()), None)
