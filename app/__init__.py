"""The sample application: a live task board with accounts.

Start it with ``python -m rxkernel serve``. Read `app.task_controller` next: each of its
methods handles both HTTP and Socket.IO. `app.accounts` loads the users.
"""

import os
from pathlib import Path

import attrs
from injector import Binder
from sqlalchemy import URL

from app.account_controller import AccountController
from app.accounts import Accounts
from app.counter_controller import CounterController
from app.listeners import DomainErrors, RequestTimer
from app.page_controller import PageController, SocketClient
from app.tables import Base
from app.task_controller import TaskController
from bundles.apidocs import ApidocsBundle, ApidocsSettings
from bundles.resources import ResourcesBundle, ResourcesSettings
from bundles.scale import ScaleSettings
from bundles.security import SecurityBundle, SecuritySettings, TokenSettings
from bundles.sessions import SessionsSettings
from bundles.state import StateSettings
from rxkernel import Application, Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = ApidocsSettings(
    title="Task board",
    description="A list of tasks that all see, and private ones. Changes are pushed to sockets.",
)
SOCKET_CLIENT = ROOT / "node_modules/socket.io-client/dist/socket.io.esm.min.js"


def create_application(
    database: Path = Path("var/board.sqlite3"),
    socket_client: Path = SOCKET_CLIENT,
    settings: Settings | None = None,
    uses_redis: bool = "RXKERNEL_REDIS_URL" in os.environ,
) -> Application:
    """Create the board with its tasks and accounts in *database*; npm installs the script
    *socket_client*.

    With Redis it can have several processes: they share its sessions and the counter, and their
    sockets hear each other.
    """

    def configure(binder: Binder) -> None:
        binder.bind(SocketClient, to=SocketClient(socket_client))

    url = URL.create("sqlite+aiosqlite", database=str(database)).render_as_string()
    given = Settings() if settings is None else settings
    defaults = {"apidocs": DOCUMENTS, "resources": ResourcesSettings(url=url)}
    if uses_redis:
        defaults |= {
            "scale": ScaleSettings(bus="redis"),
            "security": SecuritySettings(tokens=TokenSettings(store="redis")),
            "sessions": SessionsSettings(store="redis"),
            "state": StateSettings(store="redis"),
        }
    return Application(
        bundles=[
            *(("redis", "scale") if uses_redis else ()),
            ResourcesBundle(Base),
            "sessions",
            "state",
            SecurityBundle(Accounts, access="authenticated"),
            ApidocsBundle(access="public"),
        ],
        controllers=[TaskController, AccountController, CounterController, PageController],
        listeners=[RequestTimer, DomainErrors],
        modules=[configure],
        settings=attrs.evolve(given, bundles={**defaults, **given.bundles}),
    )
