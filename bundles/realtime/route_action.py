"""Wraps the action of a route with its hooks, middlewares and schemas."""

from collections.abc import Callable, Sequence
from typing import Any

from bundles.realtime.middlewares import Action, Before, before, checked_result
from bundles.realtime.route_entry import RouteEntry
from bundles.realtime.route_hooks import Hook
from bundles.realtime.route_schemas import RouteSchemas
from rxkernel import BadRequestException, Request, Response

ToPlain = Callable[[Any], Any]

VALIDATION_ERROR = "validation_error"
"""The key of ``request.attributes`` for the error of the schemas, with ``attachValidation``."""


def around(
    action: Action,
    entry: RouteEntry,
    middlewares: Sequence[Before],
    *,
    status_code: int,
    to_plain: ToPlain,
) -> Action:
    """Return *action* wrapped with the parts of *entry*; *action* itself without parts.

    The order is that of IOServer: preValidation, middlewares, schemas, preHandler, the action,
    preSerialization, the filter of the response.
    """
    hooks, schemas = entry.hooks, entry.schemas
    calls: list[Before] = [*map(_bound, hooks.pre_validation), *middlewares]
    if schemas.checks_requests:
        calls.append(_attaching(schemas) if entry.attach_validation else _checking(schemas))
    calls += map(_bound, hooks.pre_handler)
    if calls:
        action = before(calls)(action)
    if hooks.pre_serialization:
        action = _replacing(action, hooks.pre_serialization)
    if schemas.response:
        action = _filtering(action, schemas, status_code, to_plain)
    return action


def _bound(hook: Hook) -> Before:
    async def call(request: Request) -> Response | None:
        result = await hook(request.controller, request)
        return None if result is None else checked_result(hook, result)

    return call


def _checking(schemas: RouteSchemas) -> Before:
    async def check(request: Request) -> None:
        schemas.check(request)

    return check


def _attaching(schemas: RouteSchemas) -> Before:
    async def check(request: Request) -> None:
        try:
            schemas.check(request)
        except BadRequestException as error:
            request.attributes[VALIDATION_ERROR] = error

    return check


def _replacing(action: Action, hooks: Sequence[Hook]) -> Action:
    """Pass the content to each of *hooks*; a value that a hook returns replaces it.

    As in Fastify, text, bytes, streams and missing content are not passed.
    """

    async def run(request: Request) -> Any:
        result = await action(request)
        is_response = isinstance(result, Response)
        if is_response and result.is_streamed:
            return result
        payload = result.content if is_response else result
        if payload is None or isinstance(payload, str | bytes):
            return result
        for hook in hooks:
            replaced = await hook(request.controller, request, payload)
            payload = payload if replaced is None else replaced
        if not is_response:
            return payload
        result.content = payload
        return result

    return run


def _filtering(
    action: Action, schemas: RouteSchemas, status_code: int, to_plain: ToPlain
) -> Action:
    async def run(request: Request) -> Any:
        result = await action(request)
        if isinstance(result, Response):
            filter_response(result, schemas, to_plain)
            return result
        keep = schemas.filter_for(status_code)
        return result if keep is None or result is None else keep(to_plain(result))

    return run


def filter_response(response: Response, schemas: RouteSchemas, to_plain: ToPlain) -> None:
    """Remove the fields of *response* that are not in the schema for its status."""
    if response.is_streamed or response.content is None or isinstance(response.content, bytes):
        return
    if (keep := schemas.filter_for(response.status_code)) is not None:
        response.content = keep(to_plain(response.content))
