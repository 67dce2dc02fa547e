"""`Manager`: a shared service with a start and a stop."""

import inspect
from types import TracebackType
from typing import Any, ClassVar, Self

from bundles.realtime.component import Component


class Manager(Component):
    """Something that several components use, such as a database. There is one instance.

    Boot awaits `start` before the servers listen, and `stop` when the application stops: a
    manager that another one injects is started before it, and stopped after it. An error of
    `start` ends boot.

    Attributes:
        name: the attribute of `AppHandle`; by default that of the class with a small first letter.
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if name is not None:
            cls.name = name
        elif "name" not in vars(cls):
            cls.name = cls.__name__[:1].lower() + cls.__name__[1:]

    def start(self) -> Any:
        """Override it, as ``async def`` or ``def``."""

    def stop(self) -> Any:
        """Override it, as ``async def`` or ``def``."""

    async def __aenter__(self) -> Self:
        await _finished(self.start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await _finished(self.stop())


async def _finished(result: Any) -> None:
    if inspect.isawaitable(result):
        await result
