"""The site of `benchmarks.sites`, served."""

import atexit
from contextlib import ExitStack

from benchmarks import sites
from rxkernel import Application


def create() -> Application:
    """Return the application; its folder exists until the process ends."""
    stack = ExitStack()
    atexit.register(stack.close)
    return sites.create(stack)
