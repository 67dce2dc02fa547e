"""The services and context managers of one message or one connection."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import GenericAlias, MappingProxyType
from typing import Any, Protocol, TypeVar, get_args, get_origin

import attrs

from rxkernel.exceptions import RxKernelError
from rxkernel.messages.response import Response

logger = logging.getLogger(__name__)

T = TypeVar("T")

Exit = Callable[[BaseException | None], Awaitable[None]]
"""Exits a context manager with the exception of its message, or None."""

BeforeSending = Callable[[Response], Awaitable[None]]
"""See `Request.before_sending`."""

AfterSending = Callable[[], Awaitable[None]]
"""See `Request.after_sending`."""

WhenEnded = Callable[[], None]
"""See `Request.when_ended`."""

LOCKS = (asyncio.Lock, asyncio.Semaphore, asyncio.Condition)
"""Async context managers that are held around a block, so they are not entered for a scope."""


class Owner(Protocol):
    """A message or a connection."""

    services: "ScopedServices | None"


@attrs.frozen(eq=False)
class _Entry:
    """A service, or a context manager; only a manager has *leave*."""

    key: Any
    service: Any
    leave: Exit | None


@attrs.frozen(eq=False)
class _Opening:
    """A service that a task is opening now."""

    task: "asyncio.Task[Any] | None"
    ended: asyncio.Event


class ScopedServices:
    """The services of one message or connection, and the context managers that it entered.

    They end in reverse order. A plain service ends with `aclose` or `close`, if it has one.

    The class attributes are the values of an object without services, so that creating one takes
    little time.

    Attributes:
        entries: the services and context managers, in the order in which they were added.
        failure: the exception of the message, for context managers that `close` exits.
    """

    is_closed = False
    failure: BaseException | None = None
    before_sending: tuple[BeforeSending, ...] = ()
    after_sending: tuple[AfterSending, ...] = ()
    when_ended: tuple[WhenEnded, ...] = ()
    _instances: Mapping[Any, Any] = MappingProxyType({})
    entries: tuple[_Entry, ...] = ()
    _managers = 0
    _openings: Mapping[Any, _Opening] = MappingProxyType({})

    def __bool__(self) -> bool:
        """Whether there is something to await at the end."""
        return bool(self.entries or self.after_sending or self.before_sending)

    @property
    def has_managers(self) -> bool:
        """Whether a context manager is open."""
        return self._managers > 0

    def __contains__(self, key: Any) -> bool:
        return key in self._instances

    def __getitem__(self, key: Any) -> Any:
        return self._instances[key]

    def add(self, key: Any, service: Any) -> None:
        """Keep *service*, which ends with `aclose` or `close`."""
        self._instances = {**self._instances, key: service}
        self.entries += (_Entry(key, service, None),)

    async def add_awaited(self, key: Any, coming: Awaitable[Any]) -> None:
        """Add the service that *coming* returns.

        Raises:
            RxKernelError: the owner ended while the service was awaited; the service is closed.
        """
        service = await coming
        if self.is_closed:
            await _close(service)
            raise ended_error()
        self.add(key, service)

    async def open(self, key: Any, make: Callable[[], Awaitable[None]]) -> None:
        """Await *make*, which adds the service *key*; once, even if several tasks call this.

        Raises:
            RxKernelError: *make* itself opens *key*.
        """
        while key not in self._instances:
            opening = self._openings.get(key)
            if opening is not None:
                if opening.task is asyncio.current_task():
                    name = name_of_key(key)
                    raise RxKernelError(f"circular dependency: opening {name} requires {name}")
                await opening.ended.wait()
                continue
            opening = _Opening(asyncio.current_task(), asyncio.Event())
            self._openings = {**self._openings, key: opening}
            try:
                await make()
            finally:
                self._openings = _without(self._openings, key)
                opening.ended.set()

    async def enter(self, manager: Any, key: Any = None, *, is_service: bool = False) -> Any:
        """Enter *manager*, async or not, and return what it yields.

        With *key* this value is stored as the service, or with *is_service* the manager itself.

        Raises:
            RxKernelError: *manager* is not a context manager, or the owner ended while it was
                entered.
        """
        enter, leave = _protocol_of(manager)
        value = await enter()
        if self.is_closed:
            error = ended_error()
            await leave(error)
            raise error
        service = manager if is_service else value
        if key is not None:
            self._instances = {**self._instances, key: service}
        self.entries += (_Entry(key, service, leave),)
        self._managers += 1
        return service

    async def exit_managers(self, failure: BaseException | None) -> BaseException | None:
        """Exit every context manager, the latest first, and end the services that were created
        after the first one was entered.

        Each manager gets *failure*, or the exception of a manager that was exited before it. All
        are exited, even if some raise.

        Returns:
            The exception that the message has failed with; *failure* if no manager raised.
        """
        while self._managers:
            failure = await self._end_latest(failure)
        return failure

    async def close(self) -> None:
        """End everything; exceptions of managers are logged. Nothing can be added afterwards."""
        if self.before_sending:
            self.before_sending = ()
            logger.error(
                "request.before_sending() was called after the response was sent, or after the "
                "message failed; the function is not called"
            )
        try:
            await self._call_after_sending()
        finally:  # a call may be cancelled
            await self._end_all()

    def end(self) -> None:
        """Call what `Request.when_ended` added. Nothing can be added afterwards."""
        self.is_closed = True
        calls, self.when_ended = self.when_ended, ()
        for call in calls:
            try:
                call()
            except Exception:
                logger.exception("a function of request.when_ended() failed")

    async def _end_all(self) -> None:
        given, self.failure = self.failure, None
        try:
            await self._end_since(0, given)
        finally:
            self.end()

    async def _end_since(self, number: int, given: BaseException | None) -> None:
        """End all entries but the first *number* with the exception *given*; log the exception
        of a manager."""
        failure = given
        while len(self.entries) > number:
            failure = await self._end_latest(failure)
        if failure is not None and failure is not given:
            if not isinstance(failure, Exception):
                raise failure
            logger.error("a context manager failed when it was exited", exc_info=failure)

    async def _call_after_sending(self) -> None:
        calls, self.after_sending = self.after_sending, ()
        for call in calls:
            number, failure = len(self.entries), None
            try:
                await call()
            except Exception as exc:
                logger.exception("a function of request.after_sending() failed")
                failure = exc
            await self._end_since(number, failure)

    async def _end_latest(self, failure: BaseException | None) -> BaseException | None:
        *rest, entry = self.entries
        self.entries = tuple(rest)
        self._instances = _without(self._instances, entry.key)
        try:
            if entry.leave is None:
                await _close(entry.service)
            else:
                self._managers -= 1
                await entry.leave(failure)
        except BaseException as exc:
            if entry.leave is None and isinstance(exc, Exception):
                name = type(entry.service).__qualname__
                logger.exception("service %r failed to close", name)
            elif exc is not failure:
                if failure is not None and exc.__context__ is None:
                    exc.__context__ = failure
                return exc
        return failure


def _without(values: Mapping[Any, T], key: Any) -> Mapping[Any, T]:
    return {name: value for name, value in values.items() if name != key}


CLOSED = ScopedServices()
"""The services of a message that ended without services."""
CLOSED.is_closed = True


def services_of(owner: Owner) -> ScopedServices:
    """The services of *owner*, created on first access.

    Raises:
        RxKernelError: *owner* has ended.
    """
    if owner.services is None:
        owner.services = ScopedServices()
    if owner.services.is_closed:
        raise ended_error()
    return owner.services


def ended_error() -> RxKernelError:
    return RxKernelError(
        "the message or connection has ended, and its services are closed; a task that runs "
        "longer must open its own services, from a singleton such as a session factory"
    )


def name_of_key(key: Any) -> str:
    """The name of the service *key* in code."""
    if hasattr(key, "__metadata__"):
        return str(key).removeprefix("typing.")
    if isinstance(key, GenericAlias):
        return f"{name_of_key(get_origin(key))}[{', '.join(map(name_of_key, get_args(key)))}]"
    return getattr(key, "__qualname__", None) or str(key)


def is_async_manager(cls: Any) -> bool:
    """Whether instances of *cls* are entered and exited with ``async with``; not for locks."""
    return (
        isinstance(cls, type)
        and hasattr(cls, "__aenter__")
        and hasattr(cls, "__aexit__")
        and not issubclass(cls, LOCKS)
    )


def _protocol_of(manager: Any) -> tuple[Callable[[], Awaitable[Any]], Exit]:
    cls = type(manager)
    if hasattr(cls, "__aenter__") and hasattr(cls, "__aexit__"):
        return partial(cls.__aenter__, manager), partial(_leave, manager)
    if hasattr(cls, "__enter__") and hasattr(cls, "__exit__"):
        return partial(_enter_plain, manager), partial(_leave_plain, manager)
    if inspect.iscoroutine(manager):
        manager.close()
    raise RxKernelError(
        f"{cls.__qualname__!r} object is not a context manager; decorate its generator function "
        f"with @contextlib.asynccontextmanager, or write __aenter__ and __aexit__"
    )


async def _leave(manager: Any, failure: BaseException | None) -> None:
    await type(manager).__aexit__(manager, *_details(failure))


async def _enter_plain(manager: Any) -> Any:
    return type(manager).__enter__(manager)


async def _leave_plain(manager: Any, failure: BaseException | None) -> None:
    type(manager).__exit__(manager, *_details(failure))


def _details(failure: BaseException | None) -> tuple[Any, Any, Any]:
    if failure is None:
        return None, None, None
    return type(failure), failure, failure.__traceback__


async def _close(service: Any) -> None:
    end = getattr(service, "aclose", None) or getattr(service, "close", None)
    ending = end() if end is not None else None
    if inspect.isawaitable(ending):
        await ending
