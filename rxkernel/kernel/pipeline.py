"""The phases of a message, and the listeners of each.

Each phase caches the tuple of its listeners until the signal reports a change.
"""

from rxkernel.events.dispatcher import (
    AsyncEventDispatcher,
    Listener,
    PrioritySignal,
    describe,
    run_listeners,
)
from rxkernel.events.observe import Only
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.errors import log_failure
from rxkernel.kernel.events import (
    ExceptionEvent,
    KernelEvents,
    ResponseEvent,
    TerminateEvent,
    checked_response,
)
from rxkernel.kernel.notifications import notify_listeners
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.routing.definitions import Definition


class Phase:
    """The listeners of one event that run for *definition*; None: for messages without one.

    Attributes:
        cached: the listeners; None after listeners have changed, until `listeners` is called.
    """

    def __init__(self, signal: PrioritySignal, definition: Definition | None) -> None:
        self.cached: tuple[Listener, ...] | None = None
        self._signal = signal
        self._definition = definition
        self._accepted: dict[Only, bool] = {}
        signal.watch(self)

    def listeners_changed(self) -> None:
        """Drop the cached listeners."""
        self.cached = None

    def listeners(self) -> tuple[Listener, ...]:
        """Return the listeners to run now."""
        if self.cached is None:
            self.cached = tuple(
                registration.listener
                for registration in self._signal.active()
                if registration.only is None or self._accepts(registration.only)
            )
        return self.cached

    def _accepts(self, only: Only) -> bool:
        if self._definition is None:
            return False
        if only not in self._accepted:
            what = f"{describe(only)}, the only= of a listener of {self._signal.name!r},"
            self._accepted[only] = ask_only(only, self._definition, what)
        return self._accepted[only]


def ask_only(only: Only, definition: Definition, what: str) -> bool:
    """Whether *only* accepts *definition*; the error names it as *what*.

    Raises:
        ConfigurationError: *only* has raised.
    """
    try:
        return only(definition)
    except Exception as exc:
        raise ConfigurationError(
            f"{what} fails for {definition.name!r} ({definition.transport}): {exc!r}; "
            f"only= is called with every definition of every transport"
        ) from exc


class Pipeline:
    """The phases of one definition, or of messages without a definition.

    An exception starts one exception phase, whichever phase raised it. An exception in or after
    that phase is raised, with the earlier one as its ``__context__``.

    Attributes:
        has_terminate_listeners: False if the terminate phase has no listeners; True until they
            have been looked up.
    """

    def __init__(self, dispatcher: AsyncEventDispatcher, definition: Definition | None) -> None:
        def phase(event_name: str) -> Phase:
            return Phase(dispatcher.signal(event_name), definition)

        self.on_definition = phase(KernelEvents.KERNEL_DEFINITION)
        self.on_head = phase(KernelEvents.KERNEL_HEAD)
        self.on_request = phase(KernelEvents.KERNEL_REQUEST)
        self.on_response = phase(KernelEvents.KERNEL_RESPONSE)
        self.on_exception = phase(KernelEvents.KERNEL_EXCEPTION)
        self.on_terminate = phase(KernelEvents.KERNEL_TERMINATE)
        self.has_terminate_listeners = True
        dispatcher.signal(KernelEvents.KERNEL_TERMINATE).watch(self)

    def listeners_changed(self) -> None:
        """Look up the listeners of the terminate phase again."""
        self.has_terminate_listeners = True

    def _terminate_listeners(self) -> tuple[Listener, ...]:
        listeners = self.on_terminate.listeners()
        self.has_terminate_listeners = bool(listeners)
        return listeners

    def precompute(self) -> None:
        """Look up the listeners of every phase, so that an ``only`` raises at boot."""
        for phase in (self.on_head, self.on_request, self.on_response, self.on_exception):
            phase.listeners()
        self._terminate_listeners()

    async def respond(self, request: Request, response: Response) -> Response:
        """Run the response phase."""
        event = ResponseEvent(request, response)
        await run_listeners(self.on_response.listeners(), event)
        return checked_response(event.response)

    async def handle_exception(self, request: Request, exception: Exception) -> Response:
        """Run the exception phase, then the response phase if a listener has set a response."""
        if listeners := self.on_exception.listeners():
            event = ExceptionEvent(request, exception)
            await run_listeners(listeners, event)
            if event.response is not None:
                if event.response.status_code >= 500:
                    log_failure(request, event.exception)
                return await self.respond(request, event.response)
            exception = event.exception
            del event
        try:
            raise exception
        finally:
            del exception  # its traceback holds this frame: a cycle per failed request

    async def terminate(
        self, request: Request, response: Response, duration: float, size: int | None
    ) -> Exception | None:
        """Run the terminate phase, and return the first exception of its listeners; all are
        logged."""
        listeners = self._terminate_listeners()
        if not listeners:
            return None
        event = TerminateEvent(request, response, duration, size)
        return await notify_listeners(listeners, KernelEvents.KERNEL_TERMINATE, event)
