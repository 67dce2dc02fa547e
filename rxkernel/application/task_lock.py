"""A lock whose holder gets an error when it waits for itself."""

import asyncio
from types import TracebackType

from rxkernel.exceptions import RxKernelError


class TaskLock:
    """An `asyncio.Lock` around one operation of the application, called *name*.

    A listener that runs within the operation and begins it again would wait for ever.

    Raises, when it is entered:
        RxKernelError: the current task holds it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is not None and task is self._holder:
            raise RxKernelError(
                f"{self._name}() is called by what runs within {self._name}() itself, such as a "
                f"listener; call it afterwards, from a task of its own"
            )
        await self._lock.acquire()
        self._holder = task

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._holder = None
        self._lock.release()
