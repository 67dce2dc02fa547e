"""Queued tasks: `@task` and the `TaskQueue`, in one process or over Redis."""
