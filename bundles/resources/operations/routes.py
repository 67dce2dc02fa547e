"""The routes of a resource: one for each operation and transport."""

import inspect
from collections.abc import Iterator
from typing import Annotated, Any, Union

from bundles.resources.operations.facts import Facts
from bundles.resources.operations.hook_response import HookResponse
from bundles.resources.operations.operation import Operation
from bundles.resources.operations.reader import read_resource
from bundles.resources.operations.resource import Resource
from bundles.resources.operations.run import BoundRun, RunMarker
from rxkernel import (
    HttpMetadata,
    PushedEvent,
    RouteMetadata,
    Transport,
    WebSocketMetadata,
    all_options_of,
    options_of,
)


def routes_of_resource(target: Any) -> Iterator[RouteMetadata]:
    """Yield the routes of *target*, a class or an instance, if it is a `Resource`.

    Raises:
        ConfigurationError: lists every error of the resource.
    """
    cls = target if isinstance(target, type) else type(target)
    if not issubclass(cls, Resource):
        return
    found = read_resource(cls)
    for operation in found.operations:
        for transport in (Transport.HTTP, Transport.SOCKET):
            if transport in operation.transports:
                yield _route(target, found.facts, operation, transport)


def _route(target: Any, facts: Facts, operation: Operation, transport: Transport) -> RouteMetadata:
    action = _action(facts, operation, transport)
    for label in operation.labels:
        label(action)
    name = f"{facts.name}_{operation.name}"
    common: dict[str, Any] = {
        "target": target,
        "name": name,
        "action": action,
        "options": {**all_options_of(facts.cls, operation.name), **options_of(action)},
        "status_code": operation.status_code,
        "pushes": [*_pushes(facts, operation)],
    }
    if transport is Transport.SOCKET:
        return WebSocketMetadata(namespace=facts.namespace, **common)
    path = _with_type(operation.path_below, facts.key_type)
    return HttpMetadata(path=facts.path + path, http_method=operation.method, **common)


def _with_type(path: str, key_type: Any) -> str:
    """Return *path* with the converter of the key, so that a text of another type is 404."""
    kind = {"int": "int", "UUID": "uuid"}.get(getattr(key_type, "__name__", ""))
    return path if kind is None else path.replace("{id}", f"{{id:{kind}}}")


def _pushes(facts: Facts, operation: Operation) -> Iterator[PushedEvent]:
    if facts.is_watched:
        for kind in operation.pushes:
            type_ = facts.removed if kind == "removed" else facts.view.cls
            yield PushedEvent(f"{facts.name}_{kind}", type_)


def _action(facts: Facts, operation: Operation, transport: Transport) -> Any:
    async def action(*, operation_run: BoundRun, **arguments: Any) -> Any:
        return await operation_run(arguments)

    marked = Annotated[BoundRun, RunMarker(facts, operation)]
    annotations = {
        **operation.parameters(facts, transport),
        "operation_run": (marked, inspect.Parameter.empty),
    }
    returned = operation.returns(facts)
    action.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
            for name, (annotation, default) in annotations.items()
        ],
        return_annotation=returned if returned in (None, Any) else Union[returned, HookResponse],  # noqa: UP007
    )
    action.__name__ = operation.name
    action.__qualname__ = f"{facts.cls.__qualname__}.{operation.name}"
    action.__module__ = facts.cls.__module__
    action.__doc__ = operation.text(facts)
    return action
