"""Schedules, supervised loops, background work and worker processes."""

from bundles.tasks.background import Background
from bundles.tasks.bundle import TasksBundle
from bundles.tasks.clock import Clock, Timer
from bundles.tasks.decorators import at, cron, every
from bundles.tasks.exceptions import TasksUnavailableException
from bundles.tasks.job import Job, current_job
from bundles.tasks.plan import Plan
from bundles.tasks.scheduler import Scheduler
from bundles.tasks.settings import TasksSettings
from bundles.tasks.task import TaskOptions, task
from bundles.tasks.task_entry import TaskEntry, TaskRecord
from bundles.tasks.task_exceptions import (
    TaskFailedError,
    TaskQueueFullException,
    TaskTimeoutException,
)
from bundles.tasks.task_queue import QueuedTask, TaskQueue
from bundles.tasks.task_queue_settings import TaskQueueSettings
from bundles.tasks.task_store import TaskStore
from bundles.tasks.transport import TASKS
from bundles.tasks.watcher import Watcher, WatcherState, WatcherStatus
from bundles.tasks.watchers import Watchers
from bundles.tasks.worker_errors import (
    NotPicklableError,
    WorkerCallError,
    WorkerDiedError,
    WorkerPoolClosedException,
    WorkerPoolFullException,
    WorkerStartError,
    WorkerTimeoutException,
)
from bundles.tasks.worker_pool import WorkerPool, WorkerPoolStatistics
from bundles.tasks.worker_pool_settings import WorkerPoolSettings

__all__ = [
    "TASKS",
    "Background",
    "Clock",
    "Job",
    "NotPicklableError",
    "Plan",
    "QueuedTask",
    "Scheduler",
    "TaskEntry",
    "TaskFailedError",
    "TaskOptions",
    "TaskQueue",
    "TaskQueueFullException",
    "TaskQueueSettings",
    "TaskRecord",
    "TaskStore",
    "TaskTimeoutException",
    "TasksBundle",
    "TasksSettings",
    "TasksUnavailableException",
    "Timer",
    "Watcher",
    "WatcherState",
    "WatcherStatus",
    "Watchers",
    "WorkerCallError",
    "WorkerDiedError",
    "WorkerPool",
    "WorkerPoolClosedException",
    "WorkerPoolFullException",
    "WorkerPoolSettings",
    "WorkerPoolStatistics",
    "WorkerStartError",
    "WorkerTimeoutException",
    "at",
    "cron",
    "current_job",
    "every",
    "task",
]
