"""One message through its listeners and its action: the heart of the kernel."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from rxkernel.events.dispatcher import AsyncEventDispatcher, Listener, describe, run_listeners
from rxkernel.kernel.errors import failure_of
from rxkernel.kernel.events import Action, HeadEvent, RequestEvent, ResponseEvent
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.scope_exit import (
    close_request_scope,
    exit_after_failure,
    exit_after_response,
)
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Links, Request, ServiceSource
from rxkernel.messages.response import Response
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

Handle = Callable[[Request, bool], Awaitable[Response]]
"""`Route.handle`."""

_get, _set, _reset = current_request.get, current_request.set, current_request.reset
"""Bound once: a method of what is imported is bound anew at every call."""

_unanswered: ContextVar[list[BaseException] | None] = ContextVar("unanswered", default=None)
"""What the handler within wrappers has raised: it had its exception phase."""


class Route(Pipeline):
    """A definition, its action and its listeners, compiled together once.

    ``action`` is set once it is bound, for which the definition is needed.
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
        self.definition = _new_definition(metadata, self, signature, template)
        self._path: str | None = None
        self._method: str | None = None
        if isinstance(metadata, HttpMetadata):
            self._path, self._method = metadata.syntax.text, metadata.http_method
        self.controller = controller
        self.wrapped: Handler | None = None
        self._name, self._status_code = metadata.name, metadata.status_code
        super().__init__(dispatcher, self.definition)

    async def handle(self, request: Request, ends_scope: bool = True) -> Response:
        """Head phase, body, request phase, action, response phase.

        A response of the head phase skips the body, the request phase and the action; one of the
        request phase skips the action. As the handler of the definition it gets a whole message,
        whose scope ends with it. Every message goes through here, so the phases are written out.
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
            if (listeners := self.on_head.current) is None:
                listeners = self.on_head.listeners()
            if listeners:
                response = await _run_head(request, listeners)
            if response is None:
                if (load_body := request.body_loader) is not None:
                    request.body_loader = None
                    await load_body()
                if (listeners := self.on_request.current) is None:
                    listeners = self.on_request.listeners()
                if listeners:
                    before = RequestEvent(request)
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
                    else Response(content, self._status_code)
                )
            if (listeners := self.on_response.current) is None:
                listeners = self.on_response.listeners()
            if listeners:
                after = ResponseEvent(request, response)
                for listener in listeners:
                    await listener(after)
                    if after.propagation_stopped:
                        break
                response = after.response
            if request.services is not None and self.wrapped is None:
                await self._exit_managers(request, request.services, response)
            return response
        except BaseException as exc:
            return await self.rescue(request, await _failure(request, exc))
        finally:
            if token is not None:
                _reset(token)
            if ends_scope and request.services is not None:
                await close_request_scope(request)

    async def _exit_managers(
        self, request: Request, services: ScopedServices, response: Response
    ) -> None:
        await exit_after_response(request, services, response)

    # --- with wrappers of listeners of kernel.definition

    def wrap_handler(self, handler: Handler) -> None:
        """Let *handler*, which goes around `run`, handle every message."""
        self.wrapped = handler
        self.handle = self.handle_wrapped  # type: ignore[method-assign]

    async def run(self, request: Request) -> Response:
        """What wrappers go around: all phases, as `handle` without wrappers. Context managers stay
        open for the wrappers, unless it fails."""
        try:
            return await Route.handle(self, request, ends_scope=False)
        except Exception as exc:
            if (unanswered := _unanswered.get()) is not None:
                unanswered.append(exc)
            raise

    async def handle_wrapped(self, request: Request, ends_scope: bool = True) -> Response:
        """As `handle`, through the wrappers; what one of them raises gets its exception phase."""
        assert self.wrapped is not None
        self._introduce(request)
        unanswered: list[BaseException] = []
        token = current_request.set(request)
        mark = _unanswered.set(unanswered)
        try:
            response = await self.wrapped(request)
            if not isinstance(response, Response):
                raise TypeError(
                    f"the wrapper {describe(self.wrapped)} of {self._name!r} returned "
                    f"{type(response).__qualname__}; a wrapper of a handler returns a Response"
                )
            if request.services is not None:
                await self._exit_managers(request, request.services, response)
            return response
        except BaseException as exc:
            failure = await _failure(request, _single(exc, unanswered))
            try:
                if any(failure is raised for raised in unanswered):
                    raise failure
                return await self.rescue(request, failure)
            finally:
                del failure  # its traceback holds this frame
        finally:
            unanswered.clear()  # what was raised holds this frame
            _unanswered.reset(mark)
            current_request.reset(token)
            if ends_scope and request.services is not None:
                await close_request_scope(request)

    def _introduce(self, request: Request) -> None:
        """Say which definition *request* is for."""
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
    """What *request* has failed with, once its context managers have been left with *exc*.

    Raises:
        BaseException: *exc* ends more than the message, as the cancellation of its task does.
    """
    if request.services is None:
        return failure_of(exc)
    return await exit_after_failure(request, request.services, exc)


def _single(exc: BaseException, unanswered: list[BaseException]) -> BaseException:
    """The one of *unanswered* that *exc* is or holds alone, as the group of a `TaskGroup` does in
    which a wrapper awaits the handler; else *exc*."""
    inner = exc
    while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
        inner = inner.exceptions[0]
    return inner if any(inner is raised for raised in unanswered) else exc


def _new_definition(
    metadata: RouteMetadata, route: Route, signature: Signature, template: PathTemplate | None
) -> Definition:
    if isinstance(metadata, HttpMetadata):
        assert template is not None
        return HttpDefinition(metadata, signature, route, template)
    if isinstance(metadata, WebSocketMetadata):
        return WebSocketDefinition(metadata, signature, route)
    return ProcedureDefinition(metadata, signature, route)
