"""Wrappers around the actions of chains."""

from collections.abc import Awaitable, Callable
from typing import Any

from multidict import MultiDict

from bundles.security import access_of
from bundles.web.access.tree_gate import TreeGate
from bundles.web.client import VIRTUAL_PATH
from bundles.web.directories.directory_routes import VIRTUAL_PARAMETER
from bundles.web.directories.handler_chain import Chain
from bundles.web.extensions.jsonp import JSONP, take_callback
from rxkernel import Definition, DefinitionEvent, HttpDefinition, KernelEvents, Request, observe

_OUTSIDE = -500
"""The priority around the contracts, which check only the parameters for the handlers."""

Action = Callable[[Request], Awaitable[Any]]


def _is_virtual(definition: Definition) -> bool:
    return (
        isinstance(definition.metadata.target, Chain)
        and isinstance(definition, HttpDefinition)
        and VIRTUAL_PARAMETER in definition.metadata.syntax.parameters
    )


def _is_jsonp(definition: Definition) -> bool:
    target = definition.metadata.target
    return isinstance(target, Chain) and target.directory.extension is JSONP


class JsonpCallbacks:
    """Removes the parameters that clients of JSONP add to the query of ``.jsonp``."""

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE, only=_is_jsonp)
    async def wrap(self, event: DefinitionEvent) -> None:
        """Read the name of the function, see `take_callback`."""

        def decorate(action: Action) -> Action:
            async def called_back(request: Request) -> Any:
                take_callback(request)
                return await action(request)

            return called_back

        event.wrap(decorate)


class VirtualPaths:
    """Serves virtual paths: the paths below a directory with ``access.virtual``."""

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE, only=_is_virtual)
    async def wrap(self, event: DefinitionEvent) -> None:
        """Move the rest of the path from the parameters to the client. An existing file has
        priority; it has another rule than the handlers."""
        chain: Chain = event.definition.metadata.target
        is_read = chain.verb in ("get", "head")
        gate = access_of(event.definition).gate
        files, folder = chain.environment.files, chain.directory.path[1:]

        def decorate(action: Action) -> Action:
            async def virtual(request: Request) -> Any:
                params = MultiDict(request.params)
                path = params.pop(VIRTUAL_PARAMETER)
                request.params = params
                if is_read:
                    file = f"{folder}/{path}" if folder else path
                    found = await files.existing(request, file)
                    if found is not None:
                        return found
                    if isinstance(gate, TreeGate):
                        gate.check_handlers(request, path)
                request.attributes[VIRTUAL_PATH] = path
                return await action(request)

            return virtual

        event.wrap(decorate)
