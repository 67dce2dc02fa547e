"""Runs the phases of one message: its listeners, its body and its action."""

from contextvars import ContextVar

from rxkernel.events.dispatcher import AsyncEventDispatcher, Listener, describe, run_listeners
from rxkernel.kernel.errors import to_failure
from rxkernel.kernel.events import (
    Action,
    HeadEvent,
    Rebind,
    RequestEvent,
    ResponseEvent,
    checked_response,
)
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.scope_exit import (
    close_request_scope,
    exit_after_failure,
    exit_after_response,
)
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Links, Request, ServiceSource
from rxkernel.messages.response import Response, plain_response
from rxkernel.messages.scoped_services import ScopedServices
from rxkernel.routing.definitions import (
    Definition,
    Handler,
    HttpDefinition,
    ProcedureDefinition,
    WebSocketDefinition,
)
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata, WebSocketMetadata
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.signature import Signature

_new = object.__new__
_get, _set, _reset = current_request.get, current_request.set, current_request.reset
"""Bound methods, so that a message does not bind them again."""

_raised: ContextVar[list[BaseException] | None] = ContextVar("raised_by_handler", default=None)
"""The exceptions that the handler inside the wrappers has raised, after its exception phase."""


class Route(Pipeline):
    """The pipeline of one definition: its action and its listeners, compiled together.

    ``action`` and ``rebind`` are set later, since binding needs the definition.
    """

    def __init__(
        self,
        metadata: RouteMetadata,
        controller: object,
        signature: Signature,
        dispatcher: AsyncEventDispatcher,
        service_source: ServiceSource,
        links: Links,
        template: PathTemplate | None,
    ) -> None:
        self.service_source = service_source
        self.links = links
        self.action: Action
        self.rebind: Rebind
        self.definition = _new_definition(metadata, self, signature, template)
        self._path: str | None = None
        self._method: str | None = None
        if isinstance(metadata, HttpMetadata):
            self._path, self._method = metadata.syntax.text, metadata.http_method
        self.controller = controller
        self.wrapped: Handler | None = None
        self._name, self._status_code = metadata.name, metadata.status_code
        super().__init__(dispatcher, self.definition)

    async def handle_and_close(self, request: Request) -> Response:
        """Like `handle`, then close the request scope: the handler of the definition."""
        try:
            return await self.handle(request)
        finally:
            await close_request_scope(request)

    async def handle(self, request: Request) -> Response:
        """Head phase, body, request phase, action, response phase.

        A response of the head phase skips the body, the request phase and the action; one of the
        request phase skips the action. `Kernel.terminate` closes the request scope. The phases are
        written out here, since each call is made for every message.
        """
        request.definition = self.definition
        request.controller = self.controller
        request.route_name = self._name
        if self._path is not None:
            request.path = self._path
            request.method = request.method or self._method
        token = None if _get() is request else _set(request)
        try:
            response: Response | None = None
            if (listeners := self.on_head.cached) is None:
                listeners = self.on_head.listeners()
            if listeners:
                response = await _run_head(request, listeners)
            if response is None:
                if (load_body := request.body_loader) is not None:
                    request.body_loader = None
                    await load_body()
                if (listeners := self.on_request.cached) is None:
                    listeners = self.on_request.listeners()
                if listeners:
                    # inlined, see `kernel.events`: a call of the class costs more
                    before = _new(RequestEvent)
                    before.propagation_stopped = False
                    before.request = request
                    before._response = None
                    for listener in listeners:
                        await listener(before)
                        if before.propagation_stopped:
                            response = before.response
                            break
            if response is None:
                content = await self.action(request)
                response = (
                    content
                    if isinstance(content, Response)
                    else plain_response(content, self._status_code)
                )
            if (listeners := self.on_response.cached) is None:
                listeners = self.on_response.listeners()
            if listeners:
                after = _new(ResponseEvent)  # inlined, like the RequestEvent above
                after.propagation_stopped = False
                after.request = request
                after.response = response
                for listener in listeners:
                    await listener(after)
                    if after.propagation_stopped:
                        break
                if after.response is not response:
                    response = checked_response(after.response)
            if request.services is not None and self.wrapped is None:
                await self._exit_managers(request, request.services, response)
            return response
        except BaseException as exc:
            return await self.handle_exception(request, await _failure(request, exc))
        finally:
            if token is not None:
                _reset(token)

    async def _exit_managers(
        self, request: Request, services: ScopedServices, response: Response
    ) -> None:
        await exit_after_response(request, services, response)

    # --- wrappers added in kernel.definition

    def wrap_handler(self, handler: Handler) -> None:
        """Handle every message with *handler*, which wraps `run`."""
        self.wrapped = handler
        self.handle = self.handle_wrapped  # type: ignore[method-assign]

    async def run(self, request: Request) -> Response:
        """Run all phases, inside the wrappers. Context managers of the message are exited after
        the wrappers, or here if the message fails."""
        try:
            return await Route.handle(self, request)
        except Exception as exc:
            if (raised := _raised.get()) is not None:
                raised.append(exc)
            raise

    async def handle_wrapped(self, request: Request) -> Response:
        """Like `handle`, through the wrappers. An exception of a wrapper starts the exception
        phase."""
        assert self.wrapped is not None
        self._set_route(request)
        raised: list[BaseException] = []
        token = None if _get() is request else _set(request)
        raised_token = _raised.set(raised)
        try:
            response = await self.wrapped(request)
            if not isinstance(response, Response):
                raise TypeError(
                    f"the wrapper {describe(self.wrapped)} of {self._name!r} returned "
                    f"{type(response).__qualname__}; a wrapper of a handler returns a Response"
                )
            services = request.services
            if services is not None and (services.entries or services.before_sending):
                await self._exit_managers(request, services, response)
            return response
        except BaseException as exc:
            failure = await _failure(request, _unwrapped(exc, raised))
            try:
                if any(failure is known for known in raised):
                    raise failure
                return await self.handle_exception(request, failure)
            finally:
                del failure  # its traceback holds this frame
        finally:
            raised.clear()  # its tracebacks hold this frame
            _raised.reset(raised_token)
            if token is not None:
                _reset(token)

    def _set_route(self, request: Request) -> None:
        request.definition = self.definition
        request.controller = self.controller
        request.route_name = self._name
        if self._path is not None:
            request.path = self._path
            request.method = request.method or self._method


async def _run_head(request: Request, listeners: tuple[Listener, ...]) -> Response | None:
    event = HeadEvent(request)
    await run_listeners(listeners, event)
    return event.response


async def _failure(request: Request, exc: BaseException) -> Exception:
    """Exit the context managers of *request* with *exc*, and return the exception to handle.

    Raises:
        BaseException: *exc* is not an error of the message, see `to_failure`.
    """
    if request.services is None:
        return to_failure(exc)
    return await exit_after_failure(request, request.services, exc)


def _unwrapped(exc: BaseException, raised: list[BaseException]) -> BaseException:
    """Return the only exception in the group *exc* if it is one of *raised*, else *exc*.

    A `TaskGroup` in which a wrapper awaits the handler raises such a group.
    """
    inner = exc
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner if any(inner is known for known in raised) else exc


def _new_definition(
    metadata: RouteMetadata, route: Route, signature: Signature, template: PathTemplate | None
) -> Definition:
    if isinstance(metadata, HttpMetadata):
        assert template is not None
        return HttpDefinition(metadata, signature, route, template)
    if isinstance(metadata, WebSocketMetadata):
        return WebSocketDefinition(metadata, signature, route, template)
    return ProcedureDefinition(metadata, signature, route)
