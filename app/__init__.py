"""The sample application: a live task board.

Start it with ``python -m rxkernel serve``. Read `app.task_controller` next: each of its
methods handles both HTTP and Socket.IO.
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
    """Create the board with its tasks in *database*; npm installs the script *socket_client*."""

    def configure(binder: Binder) -> None:
        binder.bind(TaskRepository, to=TaskRepository(database))
        binder.bind(SocketClient, to=SocketClient(socket_client))

    return Application(
        controllers=[TaskController, PageController],
        listeners=[RequestTimer, DomainErrors],
        modules=[configure],
    )
