"""Passes calls to the kernel."""

import logging
from collections.abc import Awaitable

from bundles.metacom.methods import Methods
from bundles.metacom.packets import Call
from rxkernel import (
    Compiled,
    Kernel,
    NotFoundException,
    Request,
    Response,
    ServiceUnavailableException,
)

logger = logging.getLogger(__name__)

_STOPPING = "the server is stopping; try again"


class CallHandler:
    """Calls the methods of the application, for WebSockets and for HTTP.

    Attributes:
        is_draining: whether new calls are rejected with 503.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._compiled: Compiled | None = None
        self._methods = Methods({}, {})
        self.is_draining = False

    @property
    def methods(self) -> Methods:
        """The methods that are currently served; a reload may change them."""
        compiled = self._kernel.compiled
        if compiled is not self._compiled:
            self._methods, self._compiled = Methods.of(compiled), compiled
        return self._methods

    def answer(self, request: Request, call: Call) -> Awaitable[Response]:
        """Return the response to *call*. ``Kernel.begin`` was called for *request*."""
        args = call.args
        if type(args) is dict:
            request.params = args
        request.body = args
        if self.is_draining:
            return self._kernel.fail(request, ServiceUnavailableException(_STOPPING))
        methods = self._methods if self._kernel.compiled is self._compiled else self.methods
        definition = methods.by_name.get(call.method) or methods.find(call.method)
        if definition is None:
            return self._kernel.fail(request, NotFoundException())
        return self._kernel.answer(definition, request)
