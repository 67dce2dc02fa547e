"""The transport of tasks: each run is a message over it."""

from rxkernel import Transport

TASKS = Transport("TASKS")
