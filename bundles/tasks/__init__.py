"""Schedules, supervised loops and background work."""

from bundles.tasks.bundle import TasksBundle
from bundles.tasks.clock import Clock, Timer
from bundles.tasks.decorators import at, cron, every
from bundles.tasks.exceptions import TasksUnavailableException
from bundles.tasks.plan import Plan
from bundles.tasks.scheduler import Scheduler
from bundles.tasks.settings import TasksSettings
from bundles.tasks.task_entry import TaskEntry, TaskRecord
from bundles.tasks.transport import TASKS

__all__ = [
    "TASKS",
    "Clock",
    "Plan",
    "Scheduler",
    "TaskEntry",
    "TaskRecord",
    "TasksBundle",
    "TasksSettings",
    "TasksUnavailableException",
    "Timer",
    "at",
    "cron",
    "every",
]
