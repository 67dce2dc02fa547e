"""What the bundle adds to an application."""

from bundles.tasks.settings import TasksSettings
from bundles.tasks.transport import TASKS
from rxkernel import Bundle


class TasksBundle(Bundle):
    """Schedules, supervised loops and background work."""

    name = "tasks"
    transports = (TASKS,)
    settings_class = TasksSettings
