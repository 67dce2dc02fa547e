"""Runs the hooks, middlewares, schemas and errors of route files in listeners of the kernel."""

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
"""The key of ``request.attributes`` that is set if the response is an error."""

_LATE = -100
"""The priority after other listeners, which may replace the exception or change the response."""

_OUTSIDE = -200
"""The priority in ``kernel.definition``: hooks run before contracts check the arguments."""


def _is_route(definition: Definition) -> bool:
    return OPTION in definition.options


def _has(hooks: str) -> Callable[[Definition], bool]:
    """Return the condition that *hooks*, an attribute of `Hooks`, of a route is not empty."""

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
        """Wrap the action with the parts of its entry."""
        entry, definition = _entry_of(event.definition), event.definition
        signature = definition.signature
        if entry.schemas.body is not None and (signature.takes_bytes or signature.is_streamed):
            raise ConfigurationError(
                f"{entry.place}: schema.body requires the decoded body, but {entry.handler} takes "
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
        """Run onRequest and preParsing, before the body is read."""
        request = event.request
        for hook in _entry_of(request.definition).hooks.of_head:
            result = await hook(request.controller, request)
            if result is not None:
                event.set_response(checked_result(hook, result))
                return

    @observe(KernelEvents.KERNEL_RESPONSE, priority=_LATE, only=_has("on_send"))
    async def run_on_send(self, event: ResponseEvent) -> None:
        """Run onSend, also for errors. A hook may change the response, or return another one.

        If a hook fails, the message has failed. If the response already is an error, the new error
        is sent without calling the hooks again, since they may fail again.
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
            logger.exception("onSend of %s failed for an error response", request.route_name)
            event.set_response(self._shaped(error, request))

    @observe(KernelEvents.KERNEL_TERMINATE, only=_has("on_response"))
    async def run_on_response(self, event: TerminateEvent) -> None:
        """Run onResponse, after the response was sent."""
        request = event.request
        for hook in _entry_of(request.definition).hooks.on_response:
            await hook(request.controller, request, event.response)

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE + 1, only=_has("error_handler"))
    async def run_error_handler(self, event: ExceptionEvent) -> None:
        """Run errorHandler. It returns a `Response`, a value that is sent with the status of the
        error, or None for the standard body."""
        request = event.request
        for hook in _entry_of(request.definition).hooks.error_handler:
            try:
                result = await hook(request.controller, request, event.exception)
            except Exception as error:  # noqa: BLE001 - `shape_error` makes its body
                event.set_exception(error)
                return
            if result is not None:
                response = _response_to(event.exception, result)
                event.set_response(self._filtered(response, request))
                return

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE, only=_is_route)
    async def shape_error(self, event: ExceptionEvent) -> None:
        """Set the body of an error, in the format of IOServer."""
        event.set_response(self._shaped(event.exception, event.request))

    def _shaped(self, error: Exception, request: Request) -> Response:
        kernel = self._kernel
        response = http_error(error, debug=kernel.debug, serializer=kernel.serializer)
        return self._filtered(response, request)

    def _filtered(self, response: Response, request: Request) -> Response:
        """Return *response*, an error, without fields that are not in the schemas of the route."""
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
