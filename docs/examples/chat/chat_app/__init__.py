"""The chat of IOServer's documentation: rooms, history, typing, presence, statistics, health."""

from injector import Binder

from bundles.realtime import RealtimeBundle
from bundles.tasks import TasksBundle
from chat_app.admin_controller import AdminController
from chat_app.admin_service import AdminService
from chat_app.api_controller import ApiController
from chat_app.chat_service import ChatService
from chat_app.database import Database
from chat_app.health_monitor import HealthMonitor
from chat_app.options import ChatOptions
from chat_app.rooms import Rooms
from chat_app.statistics import Statistics
from chat_app.watchers import CleanupWatcher, HealthWatcher
from chat_app.web_controller import WebController
from rxkernel import Application, Settings

__all__ = ["ChatOptions", "create_application"]


def create_application(
    options: ChatOptions | None = None, settings: Settings | None = None
) -> Application:
    """Create the chat; without *settings* they are those of ``rxkernel.toml``."""
    chosen = options or ChatOptions.of_environment()

    def configure(binder: Binder) -> None:
        binder.bind(ChatOptions, to=chosen)

    return Application(
        bundles=[
            RealtimeBundle(
                services=[ChatService, AdminService],
                controllers=[WebController, ApiController, AdminController],
                managers=[Database, Rooms, Statistics, HealthMonitor],
            ),
            TasksBundle(watchers=[HealthWatcher, CleanupWatcher]),
        ],
        modules=[configure],
        settings=settings,
    )
