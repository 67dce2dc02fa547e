"""The stage ``error``: the nearest handler ``error`` responds to a failed request."""

import logging

from injector import inject

from bundles.autoload import Autoload
from bundles.autoload.loading.scope import MESSAGE_SCOPE
from bundles.web.client import Client, new_client
from bundles.web.directories.chain_end import ENDED, result_of
from bundles.web.directories.directories_place import Directories
from bundles.web.directories.handler_chain import Chain
from bundles.web.directories.responding import respond_ending
from bundles.web.directories.running_handler import run_handler
from bundles.web.files.web_files import WebFiles
from bundles.web.request_path import path_of
from rxkernel import (
    ExceptionEvent,
    HttpException,
    KernelEvents,
    Request,
    RequestTimeoutException,
    Response,
    Settings,
    Transport,
    observe,
)

logger = logging.getLogger(__name__)

_LATE = -100
"""After the listeners that replace exceptions."""


class ErrorHandlers:
    """Calls the handler ``error`` of the directory of a request, or of the nearest one above it,
    even for paths and methods that do not exist."""

    @inject
    def __init__(self, directories: Directories, autoload: Autoload, settings: Settings) -> None:
        self._directories = directories
        self._autoload = autoload
        self._prefix = settings.http.prefix

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE)
    async def handle(self, event: ExceptionEvent) -> None:
        """Set the response of the handler. If it returns nothing, or fails, which is logged, the
        standard error is sent."""
        request, error = event.request, event.exception
        chain = self._chain_of(request)
        if chain is None:
            return
        if isinstance(error, RequestTimeoutException):
            logger.warning("%s did not respond in time: 408", request.route_name)
        if not chain.error:
            return
        client = request.attributes.get(MESSAGE_SCOPE)
        if not isinstance(client, Client):  # the request failed before its action was called
            client = new_client(request, chain)
            client.begin_use(self._autoload.snapshot)
            client.end_use_with_message()
        try:
            response = await self._response(client, error)
        except Exception:
            logger.exception("the handler 'error' of %s failed", chain.name)
            return
        if response is None:
            return
        if response.status_code < 500 and not isinstance(error, HttpException):
            logger.error("%s failed; its handler 'error' responded", chain.name, exc_info=error)
        event.set_response(response)

    def _chain_of(self, request: Request) -> Chain | None:
        """Return the chain of *request*; for files and unknown paths, the chain of the nearest
        directory."""
        definition = request.definition
        if definition is None:
            if request.transport != Transport.HTTP or request.route_name is not None:
                return None
        elif isinstance(definition.metadata.target, Chain):
            return definition.metadata.target
        elif not isinstance(definition.metadata.target, WebFiles):
            return None
        return self._directories.error_chain_of(path_of(request, self._prefix))

    async def _response(self, client: Client, error: Exception) -> Response | None:
        chain = client.chain
        client.exception, client.status, client.sent_headers = error, None, None
        try:
            result = await run_handler(chain.calls[chain.error[0]], client, chain.error, 0)
        except ENDED as ended:
            result = result_of(ended)
        if result is None:
            return None
        if client.status is None:
            client.status = error.status_code if isinstance(error, HttpException) else 500
        response = await respond_ending(client, result)
        if isinstance(error, HttpException):
            for name, value in error.headers.items():
                response.headers.setdefault(name, value)
        return response
