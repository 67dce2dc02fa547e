"""An event with its own handler."""

from bundles.gateway.exceptions import BadRequestError
from bundles.gateway.sockets.packet_filter import filtered, sender_of
from bundles.gateway.sockets.rules import HandlerRules, NamespaceRules
from rxkernel import Acknowledgement, Request


class HandlerEvent:
    """The target of the route of such an event. Hooks, meta and rooms exist only for calls."""

    def __init__(self, rules: HandlerRules, namespace: NamespaceRules) -> None:
        self.rules = rules
        self._packet_middlewares = namespace.packet_middlewares

    @property
    def place(self) -> str:
        """The module and the name of the handler."""
        handler = self.rules.handler
        return f"{handler.__module__}.{getattr(handler, '__qualname__', type(handler).__name__)}"

    async def handle(self, request: Request) -> Acknowledgement:
        """Acknowledge the result of the handler like that of a call; an `Acknowledgement` is sent
        unchanged."""
        args = request.body
        connection = sender_of(request)
        if self._packet_middlewares:
            args = await filtered(request, self._packet_middlewares)
        rules = self.rules
        if len(args) < rules.least or (rules.most is not None and len(args) > rules.most):
            raise BadRequestError(data={"arguments": len(args)})
        result = await rules.handler(connection, *args)
        if isinstance(result, Acknowledgement):
            return result
        return Acknowledgement(None, result)
