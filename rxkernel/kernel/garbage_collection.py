"""Pauses the garbage collector while objects are made that all stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """Do not search for garbage in the block.

    The definitions of a large application are many objects, of which none is garbage: half of the
    time of its boot would be searches through all of them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
