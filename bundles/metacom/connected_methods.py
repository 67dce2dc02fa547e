"""Methods that take a connection: a call over HTTP has no connection, so its response is 426."""

from collections.abc import Awaitable, Callable
from typing import Any, get_args

from bundles.metacom.transport import METACOM
from rxkernel import (
    Definition,
    DefinitionEvent,
    KernelEvents,
    Parameter,
    Request,
    Source,
    UpgradeRequiredException,
    observe,
)

Action = Callable[[Request], Awaitable[Any]]

_UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


def _is_method(definition: Definition) -> bool:
    return definition.transport == METACOM


class ConnectedMethods:
    """Rejects calls over HTTP of methods with a required parameter that is a connection."""

    @observe(KernelEvents.KERNEL_DEFINITION, only=_is_method)
    async def guard(self, event: DefinitionEvent) -> None:
        if any(map(_needs_connection, event.definition.signature.parameters)):
            event.wrap(_connected)


def _needs_connection(parameter: Parameter) -> bool:
    is_optional = type(None) in get_args(parameter.type)
    return parameter.source is Source.CONNECTION and not is_optional and parameter.is_required


def _connected(action: Action) -> Action:
    async def connected(request: Request) -> Any:
        if request.connection is None:
            raise UpgradeRequiredException("this method requires a WebSocket", headers=_UPGRADE)
        return await action(request)

    return connected
