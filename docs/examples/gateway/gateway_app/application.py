"""The application, the same in all three set-ups."""

from collections.abc import Sequence
from typing import Any

from bundles.gateway import GatewayBundle
from gateway_app.accounts import Accounts
from gateway_app.files import Files
from gateway_app.gateway import Io
from gateway_app.math import Math
from gateway_app.rooms import Rooms
from rxkernel import Application, Settings


def create_application(settings: Settings, pages: Sequence[Any] = ()) -> Application:
    """Create the application; *pages* are controllers of the set-up."""
    return Application(
        bundles=[GatewayBundle(Io)],
        controllers=[Math, Accounts, Rooms, Files, *pages],
        settings=settings,
    )
