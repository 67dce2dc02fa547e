"""Puts the hooks, middlewares, schemas and errors of route files on the events of the kernel."""

from collections.abc import Callable

from injector import inject

from bundles.realtime.http_errors import http_error
from bundles.realtime.middlewares import Middlewares, checked_result, overriding
from bundles.realtime.route_action import around, filter_response
from bundles.realtime.route_documentation import documentation_for
from bundles.realtime.route_entry import OPTION, RouteEntry, route_entry
from rxkernel import (
    DOCUMENTATION,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    ExceptionEvent,
    HeadEvent,
    HttpDefinition,
    HttpException,
    Kernel,
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
    TerminateEvent,
    observe,
)

_LATE = -100
"""After the listeners of others, which may replace the exception or change the response."""

_OUTSIDE = -200
"""The priority in ``kernel.definition``: hooks run before contracts check the arguments."""


def _is_route(definition: Definition) -> bool:
    return OPTION in definition.options


def _has(hooks: str) -> Callable[[Definition], bool]:
    """Return the condition that a route has *hooks*, an attribute of `Hooks`."""

    def condition(definition: Definition) -> bool:
        entry = route_entry(definition)
        return entry is not None and bool(getattr(entry.hooks, hooks))

    return condition


class RouteListeners:
    @inject
    def __init__(self, middlewares: Middlewares, kernel: Kernel) -> None:
        self._middlewares = middlewares
        self._kernel = kernel

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE, only=_is_route)
    async def compile(self, event: DefinitionEvent) -> None:
        """Put the parts of the entry around the action."""
        entry, definition = _entry_of(event.definition), event.definition
        signature = definition.signature
        if entry.schemas.body is not None and (signature.takes_bytes or signature.is_streamed):
            raise ConfigurationError(
                f"{entry.place}: schema.body needs the decoded body, but {entry.handler} takes "
                f"its bytes; remove one of the two"
            )
        if entry.schema and isinstance(definition, HttpDefinition):
            event.set_option(DOCUMENTATION, documentation_for(entry, definition.method))
        chain = self._middlewares.of(entry.middlewares, definition.metadata.place, ("http",))
        event.wrap(
            lambda action: around(
                action,
                entry,
                overriding(chain, "http"),
                status_code=definition.status_code,
                to_plain=self._kernel.serializer.to_plain,
            )
        )

    @observe(KernelEvents.KERNEL_HEAD, only=_has("of_head"))
    async def run_head(self, event: HeadEvent) -> None:
        """onRequest and preParsing: before the body is read."""
        request = event.request
        for hook in _entry_of(request.definition).hooks.of_head:
            result = await hook(request.controller, request)
            if result is not None:
                event.set_response(checked_result(hook, result))
                return

    @observe(KernelEvents.KERNEL_RESPONSE, priority=_LATE, only=_has("on_send"))
    async def run_on_send(self, event: ResponseEvent) -> None:
        """onSend: may change the response, or return another; for errors too."""
        request = event.request
        for hook in _entry_of(request.definition).hooks.on_send:
            result = await hook(request.controller, request, event.response)
            if result is not None:
                event.set_response(checked_result(hook, result))

    @observe(KernelEvents.KERNEL_TERMINATE, only=_has("on_response"))
    async def run_on_response(self, event: TerminateEvent) -> None:
        """onResponse: when the response was sent."""
        request = event.request
        for hook in _entry_of(request.definition).hooks.on_response:
            await hook(request.controller, request, event.response)

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE + 1, only=_has("error_handler"))
    async def run_error_handler(self, event: ExceptionEvent) -> None:
        """errorHandler: a `Response`, or a value that is sent with the status of the error; by
        None the error keeps its standard body."""
        request = event.request
        for hook in _entry_of(request.definition).hooks.error_handler:
            result = await hook(request.controller, request, event.exception)
            if result is not None:
                self._respond(event, request, _response_to(event.exception, result))
                return

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE, only=_is_route)
    async def shape_error(self, event: ExceptionEvent) -> None:
        """Give an error the body of IOServer."""
        kernel = self._kernel
        response = http_error(event.exception, debug=kernel.debug, serializer=kernel.serializer)
        self._respond(event, event.request, response)

    def _respond(self, event: ExceptionEvent, request: Request, response: Response) -> None:
        schemas = _entry_of(request.definition).schemas
        if schemas.response:
            filter_response(response, schemas, self._kernel.serializer.to_plain)
        event.set_response(response)


def _entry_of(definition: Definition) -> RouteEntry:
    entry: RouteEntry = definition.options[OPTION]
    return entry


def _response_to(error: Exception, result: object) -> Response:
    if isinstance(result, Response):
        return result
    status_code = error.status_code if isinstance(error, HttpException) else 500
    return Response(result, status_code)
