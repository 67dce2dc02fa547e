"""Errors of actions in the form in which nodes send them, with the fields of Moleculer."""

from typing import Any

import attrs

from bundles.gateway import exceptions
from bundles.gateway.exceptions import (
    MoleculerClientError,
    MoleculerError,
    MoleculerRetryableError,
    MoleculerServerError,
)
from bundles.gateway.sockets.error_body import encodable, error_body
from rxkernel import Serializer

_KNOWN: dict[str, type[MoleculerError]] = {
    name: cls
    for name, cls in vars(exceptions).items()
    if isinstance(cls, type) and issubclass(cls, MoleculerError)
}
_MOST_CHARACTERS = 100_000
_SHORT = 1000


class RemoteError(Exception):
    """An action on another node raised an exception that is not one of Moleculer's errors.

    Clients do not receive its text, as for any unexpected exception.

    Attributes:
        name: the name of the class of the exception; node_id: the node that raised it.
        stack: the traceback, if the node has sent it.
        retryable: whether the call may be repeated.
    """

    def __init__(
        self,
        name: str,
        message: str,
        node_id: str,
        stack: str | None = None,
        *,
        retryable: bool = False,
    ) -> None:
        super().__init__(f"{name}: {message} (on the node {node_id!r})")
        self.name = name
        self.node_id = node_id
        self.stack = stack
        self.retryable = retryable


@attrs.frozen
class ErrorWriter:
    """Converts exceptions of this node, *node_id*, to the fields that other nodes receive.

    Attributes:
        debug: whether other nodes receive the text of unexpected exceptions.
    """

    node_id: str
    serializer: Serializer
    debug: bool

    def fields_of(self, exception: Exception) -> dict[str, Any]:
        """Return the fields for *exception*."""
        fields = encodable(error_body(exception, debug=self.debug), self.serializer)
        fields["nodeID"] = getattr(exception, "node_id", None) or self.node_id
        fields["retryable"] = getattr(exception, "retryable", False) is True
        return fields


def shortened(fields: dict[str, Any]) -> dict[str, Any]:
    """Return *fields* in a form that can always be sent: with short texts, and without characters
    that UTF-8 cannot encode."""
    return {
        key: value[:_SHORT].encode("utf-8", "replace").decode()
        if isinstance(value, str)
        else value
        for key, value in fields.items()
        if isinstance(value, str | int)
    }


def restored(fields: Any, sender: str) -> Exception:
    """Return the exception for *fields* from the node *sender*.

    If the code is a number, it is a `MoleculerError`, of the class with this name in this bundle,
    else of the nearest class, such as `MoleculerClientError` for a code from 400 to 499.
    Otherwise it is a `RemoteError`.
    """
    given = fields if isinstance(fields, dict) else {}
    name = _text(given.get("name")) or "Error"
    message = _text(given.get("message")) or ""
    node_id = _text(given.get("nodeID")) or sender
    retryable = given.get("retryable") is True
    code = given.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        stack = _text(given.get("stack"))
        return RemoteError(name, message, node_id, stack, retryable=retryable)
    cls = _KNOWN.get(name) or _class_for(code, retryable=retryable)
    error = cls.__new__(cls)
    MoleculerError.__init__(error, message, code, data=given.get("data"), retryable=retryable)
    error.type = error.code = _text(given.get("type"))
    error.name = name
    error.node_id = node_id
    return error


def _class_for(code: int, *, retryable: bool) -> type[MoleculerError]:
    """Return the nearest class for an error whose class is unknown here."""
    if retryable:
        return MoleculerServerError if code >= 500 else MoleculerRetryableError
    return MoleculerClientError if 400 <= code < 500 else MoleculerError


def _text(given: Any) -> str | None:
    return given[:_MOST_CHARACTERS] if isinstance(given, str) else None
