"""Logs connections, calls and their errors, each at the level of its setting."""

import logging
from collections.abc import Mapping
from typing import Any

from injector import inject

from bundles.gateway.settings import GatewaySettings, LogLevel
from rxkernel import Connection, Kernel

logger = logging.getLogger("bundles.gateway")

_LEVELS: dict[LogLevel, int | None] = {
    "none": None,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class CallLog:
    """Logs the parameters of clients only if ``log_request_params`` is set."""

    @inject
    def __init__(self, settings: GatewaySettings, kernel: Kernel) -> None:
        self._connection = _LEVELS[settings.log_client_connection]
        self._request = _LEVELS[settings.log_request]
        self._params = _LEVELS[settings.log_request_params]
        self._response = _LEVELS[settings.log_response]
        self._logs_client_errors = settings.log_4xx_responses or kernel.debug

    @property
    def is_on(self) -> bool:
        """Whether calls are logged."""
        return not (self._request is self._params is self._response is None)

    def connection(self, connection: Connection, what: str) -> None:
        if self._connection is not None:
            logger.log(
                self._connection,
                "client %s %s (namespace %r)",
                connection.id,
                what,
                connection.namespace,
            )

    def request(self, connection: Connection, action: str, params: Any) -> None:
        if self._request is not None:
            logger.log(self._request, "=> client %s calls %r", connection.id, action)
        if self._params is not None and logger.isEnabledFor(self._params):
            logger.log(self._params, "parameters of %r: %s", action, _shown(params))

    def response(self, connection: Connection, action: str) -> None:
        if self._response is not None:
            logger.log(self._response, "<= client %s: %r succeeded", connection.id, action)

    def error(
        self,
        connection: Connection,
        what: str,
        body: Mapping[str, Any],
        status: int,
        reason: str | None = None,
    ) -> None:
        """Log an error without its data, which may contain parameters. The kernel also logs errors
        from 500 on, but without the name of the action.

        Args:
            what: the action that the client named, or the event if it is not a call.
            reason: why the action is refused; the client does not receive it.
        """
        if status < 500 and not self._logs_client_errors:
            return
        fields = {key: value for key, value in body.items() if key != "data"}
        logger.log(
            logging.WARNING if status < 500 else logging.INFO,
            "<= client %s: %r failed: %s%s",
            connection.id,
            what[:100],
            _shown(body if self._params is not None else fields),
            f"; {reason}" if reason else "",
        )


def _shown(value: Any) -> str:
    """Return the first 1000 characters of *value*."""
    try:
        text = repr(value)
    except Exception as exc:  # noqa: BLE001 - the value may be of any class
        return f"<{type(value).__name__} that cannot be shown: {type(exc).__name__}>"
    return text if len(text) <= 1000 else f"{text[:1000]}…"
