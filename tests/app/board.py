"""The sample application, with all its files in the folder of a test."""

from pathlib import Path

from app import SOCKET_CLIENT, create_application
from bundles.security import PasswordSettings, SecuritySettings, TokenSettings
from rxkernel import Application, HttpSettings, Settings

SECURITY = SecuritySettings(
    passwords=PasswordSettings(memory=64, iterations=1),
    tokens=TokenSettings(secret="s3cret-of-the-tests-with-32-bytes!"),
)


def board_of(folder: Path, socket_client: Path = SOCKET_CLIENT, port: int = 0) -> Application:
    """Create the board, with cheap password hashes and a key that is not in a file."""
    settings = Settings(http=HttpSettings(port=port), bundles={"security": SECURITY})
    return create_application(folder / "board.sqlite3", socket_client, settings)
