"""Schedules, supervised loops, background work and worker processes."""

from bundles.clock import Clock, Timer
from bundles.tasks.background import Background
from bundles.tasks.bundle import TasksBundle
from bundles.tasks.exceptions import TasksUnavailableException
from bundles.tasks.job import Job, current_job
from bundles.tasks.pool.exceptions import (
    NotPicklableError,
    WorkerCallError,
    WorkerDiedError,
    WorkerPoolClosedException,
    WorkerPoolFullException,
    WorkerStartError,
    WorkerTimeoutException,
)
from bundles.tasks.pool.settings import WorkerPoolSettings
from bundles.tasks.pool.worker_pool import WorkerPool, WorkerPoolStatistics
from bundles.tasks.queue.exceptions import (
    TaskFailedError,
    TaskQueueFullException,
    TaskTimeoutException,
)
from bundles.tasks.queue.settings import TaskQueueSettings
from bundles.tasks.queue.task import TaskOptions, task
from bundles.tasks.queue.task_queue import QueuedTask, TaskQueue
from bundles.tasks.scheduler.decorators import at, cron, every
from bundles.tasks.scheduler.entry import TaskEntry, TaskRecord
from bundles.tasks.scheduler.plan import Plan
from bundles.tasks.scheduler.scheduler import Scheduler
from bundles.tasks.scheduler.store import TaskStore
from bundles.tasks.settings import TasksSettings
from bundles.tasks.transport import TASKS
from bundles.tasks.watcher import Watcher, WatcherState, WatcherStatus
from bundles.tasks.watchers import Watchers

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
