"""Pauses the garbage collector while objects are made that all stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """Search for garbage at the end of the block only. The objects that it made are old then.

    The definitions of a large application are many objects, of which few are garbage: a third of
    the time of its boot would be searches through all of them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # The young generations only. `gc.freeze` and `gc.unfreeze` would search nothing, but would
        # unfreeze objects of others, and `gc.get_freeze_count` counts them one by one.
        gc.collect(1)
        gc.enable()
