"""The sample application: a live task board.

Start it with ``python -m rxkernel serve``. Read on in `app.task_controller`: each of its
methods is written once and answers HTTP and Socket.IO alike.
"""

from pathlib import Path

from injector import Binder

from app.listeners import DomainErrors, RequestTimer
from app.page_controller import PageController, SocketClient
from app.task_controller import TaskController
from app.tasks import TaskRepository
from rxkernel import Application

ROOT = Path(__file__).parent.parent
SOCKET_CLIENT = ROOT / "node_modules/socket.io-client/dist/socket.io.esm.min.js"


def create_application(
    database: Path = Path("var/tasks.sqlite3"), socket_client: Path = SOCKET_CLIENT
) -> Application:
    """The board with its tasks in *database*; *socket_client* is the script that npm installs."""

    def configure(binder: Binder) -> None:
        binder.bind(TaskRepository, to=TaskRepository(database))
        binder.bind(SocketClient, to=SocketClient(socket_client))

    return Application(
        controllers=[TaskController, PageController],
        listeners=[RequestTimer, DomainErrors],
        modules=[configure],
    )
