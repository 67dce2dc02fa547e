"""The phases that a message goes through, and who listens to each.

Each phase keeps the tuple of its listeners until the signal tells that others listen.
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
)
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.routing.definitions import Definition


class Phase:
    """The listeners of one event that concern one definition, or no definition at all.

    ``current`` holds them; None after a change of who listens, until `listeners` is asked.
    """

    def __init__(self, signal: PrioritySignal, definition: Definition | None) -> None:
        self.current: tuple[Listener, ...] | None = None
        self._signal = signal
        self._definition = definition
        self._answers: dict[Only, bool] = {}
        signal.watch(self._forget)

    def _forget(self) -> None:
        self.current = None

    def listeners(self) -> tuple[Listener, ...]:
        """Those to run now."""
        if self.current is None:
            self.current = tuple(
                registration.listener
                for registration in self._signal.active()
                if registration.only is None or self._accepts(registration.only)
            )
        return self.current

    def _accepts(self, only: Only) -> bool:
        if self._definition is None:
            return False
        if only not in self._answers:
            what = f"{describe(only)}, the only= of a listener of {self._signal.name!r},"
            self._answers[only] = ask_only(only, self._definition, what)
        return self._answers[only]


def ask_only(only: Only, definition: Definition, what: str) -> bool:
    """Whether *only*, described by *what*, accepts *definition*.

    Raises:
        ConfigurationError: it raised.
    """
    try:
        return only(definition)
    except Exception as exc:
        raise ConfigurationError(
            f"{what} fails for {definition.name!r} ({definition.transport}): {exc!r}; "
            f"it is asked for every definition of both transports"
        ) from exc


class Pipeline:
    """The phases around an action, or around none where nothing matched.

    ``has_finishers`` is False where the terminate phase has no listeners. It is True until they
    have been looked up.

    Raises what no listener answered. An exception gets one exception phase, wherever it
    came from; what raises after that is raised, with the earlier one as ``__context__``.
    """

    def __init__(self, dispatcher: AsyncEventDispatcher, definition: Definition | None) -> None:
        def phase(event_name: str) -> Phase:
            return Phase(dispatcher.signal(event_name), definition)

        self.on_definition = phase(KernelEvents.KERNEL_DEFINITION)
        self.on_head = phase(KernelEvents.KERNEL_HEAD)
        self.on_request = phase(KernelEvents.KERNEL_REQUEST)
        self.on_response = phase(KernelEvents.KERNEL_RESPONSE)
        self.on_exception = phase(KernelEvents.KERNEL_EXCEPTION)
        self.on_end = phase(KernelEvents.KERNEL_TERMINATE)
        self.has_finishers = True
        dispatcher.signal(KernelEvents.KERNEL_TERMINATE).watch(self._finishers_changed)

    def _finishers_changed(self) -> None:
        self.has_finishers = True

    def _finishers(self) -> tuple[Listener, ...]:
        listeners = self.on_end.listeners()
        self.has_finishers = bool(listeners)
        return listeners

    def warm(self) -> None:
        """Put every phase together now, so that an ``only`` that fails does so at boot."""
        for phase in (self.on_head, self.on_request, self.on_response, self.on_exception):
            phase.listeners()
        self._finishers()

    async def respond(self, request: Request, response: Response) -> Response:
        """The response phase."""
        event = ResponseEvent(request, response)
        await run_listeners(self.on_response.listeners(), event)
        return event.response

    async def rescue(self, request: Request, exception: Exception) -> Response:
        """The exception phase, and the response phase when a listener answered."""
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

    async def finish(
        self, request: Request, response: Response, duration: float, size: int | None
    ) -> None:
        """The terminate phase."""
        if listeners := self._finishers():
            await run_listeners(listeners, TerminateEvent(request, response, duration, size))
