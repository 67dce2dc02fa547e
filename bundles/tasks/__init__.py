"""Schedules, supervised loops and background work."""

from bundles.tasks.background import Background
from bundles.tasks.bundle import TasksBundle
from bundles.tasks.clock import Clock, Timer
from bundles.tasks.decorators import at, cron, every
from bundles.tasks.exceptions import TasksUnavailableException
from bundles.tasks.plan import Plan
from bundles.tasks.scheduler import Scheduler
from bundles.tasks.settings import TasksSettings
from bundles.tasks.task_entry import TaskEntry, TaskRecord
from bundles.tasks.task_store import TaskStore
from bundles.tasks.transport import TASKS
from bundles.tasks.watcher import Watcher, WatcherState, WatcherStatus
from bundles.tasks.watchers import Watchers

__all__ = [
    "TASKS",
    "Background",
    "Clock",
    "Plan",
    "Scheduler",
    "TaskEntry",
    "TaskRecord",
    "TaskStore",
    "TasksBundle",
    "TasksSettings",
    "TasksUnavailableException",
    "Timer",
    "Watcher",
    "WatcherState",
    "WatcherStatus",
    "Watchers",
    "at",
    "cron",
    "every",
]
