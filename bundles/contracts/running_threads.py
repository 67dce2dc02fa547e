"""Counts cancelled plain ``def`` actions that continue in their threads."""

from collections import Counter

from rxkernel import Request, abandoned_threads

RUNNING_THREAD = "running_thread"
"""The name of the counter."""

_COUNTED = "contracts.running_thread"


def count_threads(request: Request, counts: Counter[str]) -> None:
    """Count the call of *request* once, if one of its threads continues."""
    if abandoned_threads(request) and _COUNTED not in request.attributes:
        request.attributes[_COUNTED] = True
        counts[RUNNING_THREAD] += 1
