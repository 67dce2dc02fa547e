"""The errors that clients of moleculer-io receive: name, message, code, type and data."""

from typing import Any

from bundles.gateway.exceptions import MoleculerError
from rxkernel import HttpException, Serializer

UNKNOWN = "Internal Server Error"


def error_body(exception: Exception, *, debug: bool) -> dict[str, Any]:
    """Return the fields of *exception*; ``code``, ``type`` and ``data`` only if they are set.

    The class and the text of an exception other than `HttpException` are included only with
    *debug*.
    """
    if isinstance(exception, MoleculerError):
        name, code, kind = exception.name, exception.number, exception.type
    elif isinstance(exception, HttpException):
        name, code = type(exception).__name__, exception.status_code
        kind = None if exception.code is None else str(exception.code)
    elif debug:
        return {"name": type(exception).__name__, "message": _text(exception)}
    else:
        return {"name": "Error", "message": UNKNOWN}
    body: dict[str, Any] = {"name": name, "message": exception.message, "code": code}
    if kind is not None:
        body["type"] = kind
    if exception.errors is not None:
        body["data"] = exception.errors
    return body


def encodable(body: dict[str, Any], serializer: Serializer) -> dict[str, Any]:
    """Return *body* without the fields that *serializer* cannot encode."""
    return {key: value for key, value in body.items() if _can_encode(value, serializer)}


def _can_encode(value: Any, serializer: Serializer) -> bool:
    if type(value) is str or type(value) is int:
        return True
    try:
        serializer.encode_json(value)
    except Exception:  # noqa: BLE001 - encoding runs code of the value's class
        return False
    return True


def _text(exception: Exception) -> str:
    try:
        return str(exception)
    except Exception:  # noqa: BLE001 - an exception may be of any class
        return ""
