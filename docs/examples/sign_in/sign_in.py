"""Endpoints whose clients have sessions, and no users."""

from pathlib import Path
from typing import Any

from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from bundles.security import SecurityBundle, SecuritySettings, TokenSettings, UserProvider
from bundles.sessions import SessionsBundle
from rxkernel import Application, Settings


class Nobody(UserProvider[Any]):
    async def load(self, identifier: str) -> None:
        return None


root = Path(__file__).with_name("application")
tokens = TokenSettings(secret="a secret of the example, 32 bytes")
application = Application(
    bundles=[AutoloadBundle(root), ContractsBundle, SessionsBundle, SecurityBundle(Nobody)],
    settings=Settings(bundles={"security": SecuritySettings(tokens=tokens)}),
)
