"""Pauses the garbage collector while many long-lived objects are created."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """Collect garbage only at the end of the block; its objects are in the old generation then.

    The definitions of a large application are many objects, few of which are garbage: collections
    would take a third of the time of its boot.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # The young generations only. `gc.freeze` and `gc.unfreeze` would avoid this search, but
        # would unfreeze objects of other code, and `gc.get_freeze_count` counts one by one.
        gc.collect(1)
        gc.enable()
