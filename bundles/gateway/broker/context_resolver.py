"""Provides parameters of the type `CurrentContext`."""

from collections.abc import Callable
from typing import Any

from injector import ProviderOf, inject

from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.context import Context, ContextMarker
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from rxkernel import Definition, Parameter, Request


class ContextResolver:
    @inject
    def __init__(self, broker: ProviderOf[Broker]) -> None:
        self._broker = broker

    def bind(
        self, marker: ContextMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Context]:
        if definition.transport in (ACTIONS, EVENTS):
            return self._of_call
        return self._of_message

    def describe(self, marker: ContextMarker, parameter: Parameter) -> dict[str, Any]:
        """Describe no input for the documentation, since a client sends nothing for it."""
        return {"inputs": [], "statuses": []}

    def _of_call(self, request: Request) -> Context:
        context = request.native
        return context if isinstance(context, Context) else self._of_message(request)

    def _of_message(self, request: Request) -> Context:
        return Context(self._broker.get(), request)
