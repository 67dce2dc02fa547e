"""Schedules, supervised loops and background work."""

from bundles.tasks.bundle import TasksBundle
from bundles.tasks.settings import TasksSettings
from bundles.tasks.transport import TASKS

__all__ = ["TASKS", "TasksBundle", "TasksSettings"]
