"""The same chat with the class `IOServer`: ``python -m chat_app.server``."""

import asyncio
import os
import signal

from injector import Binder

from bundles.realtime import IOServer
from chat_app.admin_controller import AdminController
from chat_app.admin_service import AdminService
from chat_app.api_controller import ApiController
from chat_app.chat_service import ChatService
from chat_app.database import Database
from chat_app.health_monitor import HealthMonitor
from chat_app.options import FOLDER, ChatOptions
from chat_app.rooms import Rooms
from chat_app.statistics import Statistics
from chat_app.watchers import CleanupWatcher, HealthWatcher
from chat_app.web_controller import WebController
from rxkernel.cli import configure_logging


def create_server(options: ChatOptions | None = None, port: int | str = 8080) -> IOServer:
    """Create the server; the order of the components does not matter."""
    chosen = options or ChatOptions.of_environment()

    def configure(binder: Binder) -> None:
        binder.bind(ChatOptions, to=chosen)

    server = IOServer(
        host="127.0.0.1",
        port=port,
        verbose="INFORMATION",
        routes=FOLDER / "routes",
        root_dir=FOLDER / "public",
        spa_fallback=False,
        modules=[configure],
    )
    server.add_manager(name="database", manager=Database)
    server.add_manager(name="rooms", manager=Rooms)
    server.add_manager(name="statistics", manager=Statistics)
    server.add_manager(name="healthMonitor", manager=HealthMonitor)
    server.add_watcher(name="health", watcher=HealthWatcher)
    server.add_watcher(name="cleanup", watcher=CleanupWatcher)
    server.add_service(name="chat", service=ChatService)
    server.add_service(name="admin", service=AdminService)
    server.add_controller(name="web", controller=WebController)
    server.add_controller(name="api", controller=ApiController)
    server.add_controller(name="admin", controller=AdminController)
    return server


async def main() -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = create_server(port=os.environ.get("CHAT_PORT", 8080))
    configure_logging(server.application.settings.logging)
    async with server:
        server.log("INFORMATION", f"the chat is at http://{server.host}:{server.port}")
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
