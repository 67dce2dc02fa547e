"""The events of the kernel: when each is sent and what a listener may do with it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Self, TypeVar

import attrs

from rxkernel.events.dispatcher import describe, is_async
from rxkernel.events.event import Event
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.compiled import Compiled
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.routing.definitions import Definition, Handler

Action = Callable[[Request], Awaitable[Any]]
W = TypeVar("W", bound=Callable[..., Any])
_new = object.__new__


class KernelEvents(StrEnum):
    """The names of the kernel's events."""

    KERNEL_HEAD = "kernel.head"
    """`HeadEvent`, when the definition is known and before the body is read."""
    KERNEL_REQUEST = "kernel.request"
    """`RequestEvent`, before the action."""
    KERNEL_RESPONSE = "kernel.response"
    """`ResponseEvent`, before the answer is handed to the transport."""
    KERNEL_EXCEPTION = "kernel.exception"
    """`ExceptionEvent`, when anything raised, once per request."""
    KERNEL_TERMINATE = "kernel.terminate"
    """`TerminateEvent`, after the answer left."""
    KERNEL_DEFINITION = "kernel.definition"
    """`DefinitionEvent`, once per definition while it is compiled."""
    KERNEL_COMPILED = "kernel.compiled"
    """`CompiledEvent`, when the kernel serves other definitions than before."""


# The first three are created for every message. Their __init__ is written by hand, because that of
# attrs looks up the default of each field with init=False in a table. `request_event` and
# `response_event` skip it: type.__call__ costs more than its assignments.


@attrs.define(eq=False, init=False)
class HeadEvent(Event):
    """Before the body is read and decoded; a listener may respond without it.

    Access rules and rate limits belong here. Over HTTP, ``request.body`` is still None, and
    ``request.params`` has the path and the query, without the fields of a form. Over other
    transports the whole message has arrived already.
    """

    request: Request
    _response: Response | None

    def __init__(self, request: Request) -> None:
        self.propagation_stopped = False
        self.request = request
        self._response = None

    @property
    def response(self) -> Response | None:
        return self._response

    def set_response(self, response: Response) -> None:
        """Respond now: no further listener, no body, no request phase, no action."""
        self._response = response
        self.stop_propagation()


@attrs.define(eq=False, init=False)
class RequestEvent(Event):
    """Before the action; a listener may answer in its place."""

    request: Request
    _response: Response | None

    def __init__(self, request: Request) -> None:
        self.propagation_stopped = False
        self.request = request
        self._response = None

    @property
    def response(self) -> Response | None:
        return self._response

    def set_response(self, response: Response) -> None:
        """Answer now: no further listener, no action."""
        self._response = response
        self.stop_propagation()


def request_event(request: Request) -> RequestEvent:
    """As `RequestEvent`, without the call of ``__init__``."""
    event = _new(RequestEvent)
    event.propagation_stopped = False
    event.request = request
    event._response = None
    return event


@attrs.define(eq=False, init=False)
class ResponseEvent(Event):
    """Before sending; a listener may change the response or put another in its place."""

    request: Request
    response: Response

    def __init__(self, request: Request, response: Response) -> None:
        self.propagation_stopped = False
        self.request = request
        self.response = response

    def set_response(self, response: Response) -> None:
        """Send *response* instead; further listeners see it."""
        self.response = response


def response_event(request: Request, response: Response) -> ResponseEvent:
    """As `ResponseEvent`, without the call of ``__init__``."""
    event = _new(ResponseEvent)
    event.propagation_stopped = False
    event.request = request
    event.response = response
    return event


@attrs.define(eq=False)
class ExceptionEvent(Event):
    """Something raised; a listener may answer, or put another exception in its place."""

    request: Request
    _exception: Exception
    _response: Response | None = attrs.field(default=None, init=False)

    @property
    def exception(self) -> Exception:
        return self._exception

    @property
    def response(self) -> Response | None:
        return self._response

    def set_exception(self, exception: Exception) -> None:
        """Go on with *exception*; further listeners see it."""
        self._exception = exception

    def set_response(self, response: Response) -> None:
        """Answer now: no further exception listener; the response listeners run."""
        self._response = response
        self.stop_propagation()


@attrs.define(eq=False)
class TerminateEvent(Event):
    """The response has left; nothing can change it. A listener that raises is logged.

    Attributes:
        response: what was sent, or was to be sent to a client that has left.
        duration: seconds from when the message was received to when its response had left, of a
            stream or a file the last byte.
        size: bytes of the body, or of the acknowledgement, that have left. None where nothing
            has left, or not all of it, or where the transport does not know.
    """

    request: Request
    response: Response
    duration: float = 0.0
    size: int | None = None


@attrs.define(eq=False)
class DefinitionEvent(Event):
    """A definition is being compiled; a listener may wrap its action or its handler.

    The definition does not run yet.

    Attributes:
        action: the action with the wrappers put around it so far.
        handler: the listeners and the action, with the wrappers put around them so far.
    """

    definition: Definition
    action: Action
    handler: Handler

    def wrap(self, decorator: Callable[[Action], Action]) -> None:
        """Put ``decorator(action)`` in place of the action; a later wrapper is further out.

        Raises:
            ConfigurationError: what *decorator* returned is not async.
        """
        self.action = self._checked(decorator(self.action))

    def wrap_handler(self, decorator: Callable[[Handler], Handler]) -> None:
        """Put ``decorator(handler)`` around the listeners of request, response and exception and
        the action; a later wrapper is further out.

        A wrapper is an ``async def`` that takes the request and returns a `Response`: that of the
        handler, or its own, which no listener sees. It gets the exception that no listener
        answered. What it raises itself goes through the exception phase.

        Raises:
            ConfigurationError: what *decorator* returned is not async.
        """
        self.handler = self._checked(decorator(self.handler))

    def _checked(self, wrapper: W) -> W:
        if not is_async(wrapper):
            raise ConfigurationError(
                f"what a listener of '{KernelEvents.KERNEL_DEFINITION}' wrapped around "
                f"{self.definition.name!r} is {describe(wrapper)}, which is not async; return "
                f"an async def that takes the request"
            )
        return wrapper


@attrs.define(eq=False)
class CompiledEvent(Event):
    """The kernel serves *compiled* from now on: at boot, and after each reload.

    Attributes:
        compiled: all definitions.
        added, removed: those whose name is new, or gone.
        changed: the new definitions whose name was there before.
    """

    compiled: Compiled
    added: tuple[Definition, ...] = ()
    removed: tuple[Definition, ...] = ()
    changed: tuple[Definition, ...] = ()

    @classmethod
    def between(cls, before: Compiled, after: Compiled) -> Self:
        """What differs between two compiled states."""
        old = {(d.transport, d.metadata.key): d for d in before.all}
        new = {(d.transport, d.metadata.key): d for d in after.all}
        return cls(
            after,
            tuple(d for key, d in new.items() if key not in old),
            tuple(d for key, d in old.items() if key not in new),
            tuple(d for key, d in new.items() if key in old and old[key] is not d),
        )
