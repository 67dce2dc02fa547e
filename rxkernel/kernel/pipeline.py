"""One request through its listeners and its action: the heart of the kernel.

A pipeline is compiled once per definition. Each phase keeps the tuple of its listeners
until the signal tells that others listen.
"""

import asyncio

from rxkernel.events.dispatcher import (
    AsyncEventDispatcher,
    Listener,
    PrioritySignal,
    describe,
    run_listeners,
)
from rxkernel.events.observe import Only
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.errors import failure_of, log_failure
from rxkernel.kernel.events import (
    Action,
    ExceptionEvent,
    KernelEvents,
    RequestEvent,
    ResponseEvent,
    TerminateEvent,
)
from rxkernel.kernel.scopes import current_request
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
            try:
                self._answers[only] = only(self._definition)
            except Exception as exc:
                raise ConfigurationError(
                    f"{describe(only)}, the only= of a listener of {self._signal.name!r}, fails "
                    f"for {self._definition.name!r} ({self._definition.transport}): {exc!r}; "
                    f"it is asked for every definition of both transports"
                ) from exc
        return self._answers[only]


class Pipeline:
    """The phases around one action.

    Raises what no listener answered. An exception gets one exception phase, wherever it
    came from; what raises after that is raised, with the earlier one as ``__context__``.
    """

    def __init__(self, dispatcher: AsyncEventDispatcher, definition: Definition | None) -> None:
        self.status_code = 200 if definition is None else definition.status_code
        self.definition, self.request, self.response, self.exception, self.terminate = (
            Phase(dispatcher.signal(name), definition)
            for name in (
                KernelEvents.KERNEL_DEFINITION,
                KernelEvents.KERNEL_REQUEST,
                KernelEvents.KERNEL_RESPONSE,
                KernelEvents.KERNEL_EXCEPTION,
                KernelEvents.KERNEL_TERMINATE,
            )
        )

    def warm(self) -> None:
        """Put every phase together now, so that an ``only`` that fails does so at boot."""
        for phase in (self.request, self.response, self.exception, self.terminate):
            phase.listeners()

    async def run(self, request: Request, action: Action) -> Response:
        """The whole way: request phase, *action* unless answered, response phase.

        Every message goes through here, so the phases are written out: each call counts.
        """
        token = current_request.set(request)
        try:
            response: Response | None = None
            if (listeners := self.request.current) is None:
                listeners = self.request.listeners()
            if listeners:
                before = RequestEvent(request)
                for listener in listeners:
                    await listener(before)
                    if before.propagation_stopped:
                        break
                response = before.response
            if response is None:
                content = await action(request)
                response = (
                    content
                    if isinstance(content, Response)
                    else Response(content, self.status_code)
                )
            if (listeners := self.response.current) is None:
                listeners = self.response.listeners()
            if listeners:
                after = ResponseEvent(request, response)
                for listener in listeners:
                    await listener(after)
                    if after.propagation_stopped:
                        break
                response = after.response
            return response
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            return await self.rescue(request, failure_of(exc))
        finally:
            current_request.reset(token)

    async def respond(self, request: Request, response: Response) -> Response:
        """The response phase."""
        event = ResponseEvent(request, response)
        await run_listeners(self.response.listeners(), event)
        return event.response

    async def rescue(self, request: Request, exception: Exception) -> Response:
        """The exception phase, and the response phase when a listener answered."""
        if listeners := self.exception.listeners():
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

    async def finish(self, request: Request, response: Response) -> None:
        """The terminate phase."""
        if listeners := self.terminate.listeners():
            await run_listeners(listeners, TerminateEvent(request, response))
