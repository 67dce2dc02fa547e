"""A compiled route: its definition, its action and its listeners, bound together."""

from collections.abc import Awaitable

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.kernel.deadline import TimedPipeline
from rxkernel.kernel.events import Action
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.scopes import close_services
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.routing.definitions import Definition, HttpDefinition, WebSocketDefinition
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata
from rxkernel.routing.signature import Signature


class Route:
    """What the kernel keeps per definition."""

    def __init__(
        self,
        metadata: RouteMetadata,
        controller: object,
        action: Action,
        signature: Signature,
        dispatcher: AsyncEventDispatcher,
        timeout: float | None = None,
    ) -> None:
        self.definition: Definition = (
            HttpDefinition(metadata, self.handle, signature)
            if isinstance(metadata, HttpMetadata)
            else WebSocketDefinition(metadata, self.handle, signature)
        )
        self.controller = controller
        self.action = action
        self._name = metadata.name
        self._method: str | None = None
        self._path: str | None = None
        if isinstance(metadata, HttpMetadata):
            self._method, self._path = metadata.http_method, metadata.template.text
        self.pipeline = new_pipeline(dispatcher, self.definition, timeout)

    def run(self, request: Request) -> Awaitable[Response]:
        """Tell *request* what it met, and send it through the pipeline."""
        request.definition = self.definition
        request.controller = self.controller
        request.route_name = self._name
        if self._path is not None:
            request.path = self._path
            request.method = request.method or self._method
        return self.pipeline.run(request, self.action)

    async def handle(self, request: Request) -> Response:
        """The public handler: a whole message on its own, its scope ends with it."""
        try:
            return await self.run(request)
        finally:
            if request.services is not None:
                await close_services(request)


def new_pipeline(
    dispatcher: AsyncEventDispatcher, definition: Definition | None, timeout: float | None
) -> Pipeline:
    """The phases around an action, or around none, within *timeout* seconds if there are any."""
    if timeout is None:
        return Pipeline(dispatcher, definition)
    return TimedPipeline(dispatcher, definition, timeout)
