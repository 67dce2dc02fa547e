"""The state belongs to the thread of the event loop."""

from threading import get_ident


def check_thread(owner: int | None) -> None:
    """Raise an error in another thread than *owner*, which is None before the event loop uses the
    state: two threads that change it at the same time would destroy its structures.

    Raises:
        RuntimeError: it is another thread.
    """
    if owner is not None and owner != get_ident():
        raise RuntimeError(
            "the state is used in another thread than that of the event loop; use it in an "
            "`async def` there, or call it by `loop.call_soon_threadsafe`"
        )
