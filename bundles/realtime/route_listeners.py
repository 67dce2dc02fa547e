"""Puts the hooks, middlewares, schemas and errors of route files on the events of the kernel."""

import logging
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

logger = logging.getLogger(__name__)

_FAILED = "bundles.realtime.failed"
"""The key of ``request.attributes`` that says that the response is that of an error."""

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
        """onSend: may change the response, or return another; for errors too.

        One that fails is an error of the message. If the response is that of an error already, the
        next response is not passed to hooks, which may fail again.
        """
        request = event.request
        try:
            for hook in _entry_of(request.definition).hooks.on_send:
                result = await hook(request.controller, request, event.response)
                if result is not None:
                    event.set_response(checked_result(hook, result))
        except Exception as error:
            if _FAILED not in request.attributes:
                request.attributes[_FAILED] = True
                raise
            logger.exception("onSend of %s failed for an error", request.route_name)
            event.set_response(self._shaped(error, request))

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
            try:
                result = await hook(request.controller, request, event.exception)
            except Exception as error:  # noqa: BLE001 - the next listener gives it its body
                event.set_exception(error)
                return
            if result is not None:
                response = _response_to(event.exception, result)
                event.set_response(self._filtered(response, request))
                return

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE, only=_is_route)
    async def shape_error(self, event: ExceptionEvent) -> None:
        """Give an error the body of IOServer."""
        event.set_response(self._shaped(event.exception, event.request))

    def _shaped(self, error: Exception, request: Request) -> Response:
        kernel = self._kernel
        response = http_error(error, debug=kernel.debug, serializer=kernel.serializer)
        return self._filtered(response, request)

    def _filtered(self, response: Response, request: Request) -> Response:
        """Return *response*, that of an error, as the schemas of the route allow it."""
        request.attributes[_FAILED] = True
        schemas = _entry_of(request.definition).schemas
        if schemas.response:
            filter_response(response, schemas, self._kernel.serializer.to_plain)
        return response


def _entry_of(definition: Definition) -> RouteEntry:
    entry: RouteEntry = definition.options[OPTION]
    return entry


def _response_to(error: Exception, result: object) -> Response:
    if isinstance(result, Response):
        return result
    status_code = error.status_code if isinstance(error, HttpException) else 500
    return Response(result, status_code)
