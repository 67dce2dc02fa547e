"""A lock that raises an error if its holder acquires it again."""

import asyncio
from types import TracebackType

from rxkernel.exceptions import RxKernelError


class TaskLock:
    """An `asyncio.Lock` around one operation of the application, called *name*.

    A listener that runs within the operation and starts it again would wait forever. This is
    detected only in the same task.

    Raises, when it is entered:
        RxKernelError: the current task holds the lock.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is not None and task is self._holder:
            raise RxKernelError(
                f"called from within {self._name} itself, for example from a listener; "
                f"call it afterwards, or in another task"
            )
        await self._lock.acquire()
        self._holder = task

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._holder = None
        self._lock.release()
