"""Writes connections, calls and their errors to the log, each at the level of its setting."""

import logging
from collections.abc import Mapping
from typing import Any

from injector import inject

from bundles.gateway.settings import GatewaySettings, LogLevel
from rxkernel import Connection, Request

logger = logging.getLogger("bundles.gateway")

_LEVELS: dict[LogLevel, int | None] = {
    "none": None,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class CallLog:
    """The lines have the id of the request; the parameters of clients only if
    ``log_request_params`` is set."""

    @inject
    def __init__(self, settings: GatewaySettings) -> None:
        self._connection = _LEVELS[settings.log_client_connection]
        self._request = _LEVELS[settings.log_request]
        self._params = _LEVELS[settings.log_request_params]
        self._response = _LEVELS[settings.log_response]
        self._logs_client_errors = settings.log_4xx_responses

    @property
    def is_on(self) -> bool:
        """Whether calls are logged."""
        return not (self._request is self._params is self._response is None)

    def connection(self, request: Request, connection: Connection, what: str) -> None:
        if self._connection is not None:
            logger.log(
                self._connection,
                "[%s] client %s %s (namespace %r)",
                request.id,
                connection.id,
                what,
                connection.namespace,
            )

    def request(self, request: Request, connection: Connection, action: str, params: Any) -> None:
        if self._request is not None:
            logger.log(
                self._request, "[%s] => client %s calls %r", request.id, connection.id, action
            )
        if self._params is not None and logger.isEnabledFor(self._params):
            logger.log(
                self._params, "[%s] parameters of %r: %s", request.id, action, _shown(params)
            )

    def response(self, request: Request, connection: Connection, action: str) -> None:
        if self._response is not None:
            logger.log(
                self._response,
                "[%s] <= client %s: %r succeeded",
                request.id,
                connection.id,
                action,
            )

    def client_error(
        self, request: Request, connection: Connection, action: str | None, body: Mapping[str, Any]
    ) -> None:
        """Log an error of a client, 400 to 499, without its data, which may have parameters. The
        kernel logs the errors of the server.

        Args:
            action: the action that the client has named; None: the event is not a call.
        """
        if self._logs_client_errors:
            fields = {key: value for key, value in body.items() if key != "data"}
            what = request.url if action is None else action
            logger.warning(
                "[%s] <= client %s: %r failed: %s",
                request.id,
                connection.id,
                what[:100],
                _shown(body if self._params is not None else fields),
            )


def _shown(value: Any) -> str:
    """Return up to 1000 characters of *value*."""
    try:
        text = repr(value)
    except Exception as exc:  # noqa: BLE001 - the value may be of any class
        return f"<{type(value).__name__} that cannot be shown: {type(exc).__name__}>"
    return text if len(text) <= 1000 else f"{text[:1000]}…"
