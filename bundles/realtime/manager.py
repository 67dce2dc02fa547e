"""`Manager`: a shared service with a start and a stop."""

import inspect
from types import TracebackType
from typing import Any, ClassVar, Self

from bundles.realtime.component import Component


class Manager(Component):
    """A resource that several components share, such as a database. There is one instance.

    `start` is awaited at boot, before the servers listen, and `stop` when the application stops. A
    manager that another one injects is started before that one, and stopped after it. If `start`
    raises, boot fails.

    Attributes:
        name: its attribute of `AppHandle`; by default the class name with a lowercase first
            letter.
    """

    name: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if name is not None:
            cls.name = name
        elif "name" not in vars(cls):
            cls.name = cls.__name__[:1].lower() + cls.__name__[1:]

    def start(self) -> Any:
        """Called at boot. Override it with an ``async def`` or a ``def``."""

    def stop(self) -> Any:
        """Called when the application stops. Override it with an ``async def`` or a ``def``."""

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
