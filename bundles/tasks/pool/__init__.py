"""Calls of CPU-bound functions in worker processes: the `WorkerPool`."""
