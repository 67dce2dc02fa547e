"""The events of the kernel: when each is sent and what a listener may do with it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self, TypeVar

import attrs

from rxkernel.events.dispatcher import describe, is_async
from rxkernel.events.event import Event
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.compiled import Compiled
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import Definition, Handler

Action = Callable[[Request], Awaitable[Any]]
Method = Callable[..., Awaitable[Any]]
"""The method of a controller, with its arguments."""
Rebind = Callable[[Callable[[Method], Method]], Action]
"""Binds the action again, with the decorated method."""
W = TypeVar("W", bound=Callable[..., Any])


class KernelEvents(StrEnum):
    """The names of the kernel's events."""

    KERNEL_HEAD = "kernel.head"
    """`HeadEvent`, when the definition is known and before the body is read."""
    KERNEL_REQUEST = "kernel.request"
    """`RequestEvent`, before the action."""
    KERNEL_RESPONSE = "kernel.response"
    """`ResponseEvent`, before the response is passed to the transport."""
    KERNEL_EXCEPTION = "kernel.exception"
    """`ExceptionEvent`, after an exception, once per request."""
    KERNEL_TERMINATE = "kernel.terminate"
    """`TerminateEvent`, after the response was sent."""
    KERNEL_DEFINITION = "kernel.definition"
    """`DefinitionEvent`, once per definition while it is compiled."""
    KERNEL_COMPILED = "kernel.compiled"
    """`CompiledEvent`, after the kernel has replaced its definitions."""


def checked_response(given: object) -> Response:
    """Return *given*.

    Raises:
        TypeError: it is not a `Response`.
    """
    if not isinstance(given, Response):
        raise TypeError(
            f"a listener set {type(given).__qualname__} as the response of an event; it must be "
            f"a Response"
        )
    return given


# The first three are created for every message. Their __init__ is written by hand: the one of
# attrs looks up the default of each field with init=False in a table. `Route.handle` skips it:
# type.__call__ costs more than its assignments.


@attrs.define(eq=False, init=False)
class HeadEvent(Event):
    """Before the body is read and decoded; a listener may set a response.

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
        """Send *response*, and skip the other listeners, the body, request phase and action."""
        self._response = checked_response(response)
        self.stop_propagation()


@attrs.define(eq=False, init=False)
class RequestEvent(Event):
    """Before the action; a listener may set a response instead."""

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
        """Send *response*, and skip the other listeners and the action."""
        self._response = checked_response(response)
        self.stop_propagation()


@attrs.define(eq=False, init=False)
class ResponseEvent(Event):
    """Before sending; a listener may change or replace the response."""

    request: Request
    response: Response

    def __init__(self, request: Request, response: Response) -> None:
        self.propagation_stopped = False
        self.request = request
        self.response = response

    def set_response(self, response: Response) -> None:
        """Replace the response, also for the listeners that follow."""
        self.response = checked_response(response)


@attrs.define(eq=False)
class ExceptionEvent(Event):
    """After an exception; a listener may set a response or replace the exception."""

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
        """Replace the exception, also for the listeners that follow."""
        self._exception = exception

    def set_response(self, response: Response) -> None:
        """Send *response*: the other exception listeners are skipped, the response phase runs."""
        self._response = checked_response(response)
        self.stop_propagation()


@attrs.define(eq=False)
class TerminateEvent(Event):
    """After the response was sent; changes have no effect. Every listener is called, and their
    exceptions are logged.

    Attributes:
        response: the response that was sent, or not sent because the client had disconnected.
        duration: seconds from the receipt of the message until its response was sent; for a
            stream or a file, until its last byte was sent.
        size: the bytes of the body or the acknowledgement that were sent. None if not all
            was sent, or if the transport does not know.
    """

    request: Request
    response: Response
    duration: float = 0.0
    size: int | None = None


@attrs.define(eq=False)
class DefinitionEvent(Event):
    """While a definition is compiled; a listener may wrap its action or its handler.

    No message uses the definition yet.

    Attributes:
        action: the action, inside the wrappers that were added before.
        handler: the listeners and the action, inside the wrappers that were added before.
        transports: all transports of the application.
        siblings: the definitions of the same action, and this one, before listeners exclude any.
        controller: the instance whose method is the action.
        is_excluded: whether `exclude` was called.
    """

    definition: Definition
    action: Action
    handler: Handler
    transports: tuple[Transport, ...] = (Transport.HTTP, Transport.SOCKET)
    siblings: tuple[Definition, ...] = ()
    controller: object = None
    is_excluded: bool = attrs.field(default=False, init=False)
    _rebind: Rebind | None = attrs.field(default=None, kw_only=True, repr=False)
    _bound: Action = attrs.field(init=False, repr=False)

    @_bound.default
    def _bound_action(self) -> Action:
        return self.action

    def exclude(self) -> None:
        """Do not serve the definition, as if it had no route. The other listeners still run."""
        self.is_excluded = True

    def set_option(self, key: str, value: Any) -> None:
        """Set an option of the definition, as `option` does: for a value that is derived from the
        signature or from a default. Every ``only=`` and ``rxkernel routes`` read it."""
        options = MappingProxyType({**self.definition.options, key: value})
        object.__setattr__(self.definition, "options", options)  # frozen for all other code

    def wrap(self, decorator: Callable[[Action], Action]) -> None:
        """Replace the action by ``decorator(action)``; wrappers that are added later are outside.

        Raises:
            ConfigurationError: the function that *decorator* returned is not async.
        """
        self.action = self._checked(decorator(self.action))

    def wrap_method(self, decorator: Callable[[Method], Method]) -> None:
        """Replace the method of the controller by ``decorator(method)``.

        The wrapper gets the arguments of the method and passes them on; the message is
        ``current_request.get()``. What it returns is converted to the return annotation.

        Raises:
            ConfigurationError: `wrap` was called before, whose wrapper is outside; or the function
                that *decorator* returned is not async.
        """
        if self._rebind is None or self.action is not self._bound:
            raise ConfigurationError(
                f"wrap_method() of {self.definition.name!r} was called after wrap(); give its "
                f"listener a higher priority"
            )
        self.action = self._bound = self._rebind(lambda method: self._checked(decorator(method)))

    def wrap_handler(self, decorator: Callable[[Handler], Handler]) -> None:
        """Wrap the action together with the head, request, response and exception listeners.

        Wrappers that are added later are outside. A wrapper is an ``async def`` that takes the
        request and returns a `Response`: the response of the handler, or another one, for which no
        listener runs. An exception for which no listener set a response is raised to the wrapper.
        An exception of the wrapper itself starts the exception phase.

        Raises:
            ConfigurationError: the function that *decorator* returned is not async.
        """
        self.handler = self._checked(decorator(self.handler))

    def _checked(self, wrapper: W) -> W:
        if not is_async(wrapper):
            raise ConfigurationError(
                f"the wrapper {describe(wrapper)} of {self.definition.name!r}, added by a "
                f"listener of '{KernelEvents.KERNEL_DEFINITION}', is not async; return "
                f"an async def that takes the request"
            )
        return wrapper


@attrs.define(eq=False)
class CompiledEvent(Event):
    """After the kernel has installed *compiled*: at boot, and after each reload.

    Attributes:
        compiled: all definitions.
        added, removed: the definitions whose name is only in the new or only in the old state.
        changed: the new definitions whose name is in both states.
    """

    compiled: Compiled
    added: tuple[Definition, ...] = ()
    removed: tuple[Definition, ...] = ()
    changed: tuple[Definition, ...] = ()

    @classmethod
    def between(cls, before: Compiled, after: Compiled) -> Self:
        """Return the event for the replacement of *before* by *after*."""
        old = {(d.transport, d.metadata.key): d for d in before.all}
        new = {(d.transport, d.metadata.key): d for d in after.all}
        return cls(
            after,
            tuple(d for key, d in new.items() if key not in old),
            tuple(d for key, d in old.items() if key not in new),
            tuple(d for key, d in new.items() if key in old and old[key] is not d),
        )
