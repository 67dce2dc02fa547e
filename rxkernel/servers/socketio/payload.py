"""The payload of events and acknowledgements, in the format of RxStack's clients."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rxkernel.exceptions import StreamNotSupportedException
from rxkernel.kernel.serialization import SERIALIZER, Serializer
from rxkernel.messages.input_errors import kind_of, rejection, wrong_type
from rxkernel.messages.response import Response

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_KEYS = frozenset(("params", "body"))


def read_arguments(data: list[Any]) -> tuple[dict[str, Any], Any]:
    """Return ``(params, body)`` of an event. *data* starts with its name.

    A single object with no keys except ``params`` and ``body`` contains both. Any other single
    value is the body. Several values become a list, which is the body; without values the body is
    None.

    Raises:
        UnprocessableEntityException: ``params`` is neither an object nor null (422).
    """
    argument = data[1] if len(data) == 2 else (data[1:] or None)
    if type(argument) is not dict or not _KEYS.issuperset(argument):
        return {}, argument
    params = argument.get("params")
    if params is not None and type(params) is not dict:
        raise rejection([wrong_type("object", kind_of(params)).to_dict("params")])
    return params or {}, argument.get("body")


def read_plain_arguments(data: list[Any]) -> tuple[dict[str, Any], Any]:
    """Return ``(params, body)`` of an event whose argument is a plain value: a single object is
    the body, and its fields are the parameters."""
    argument = data[1] if len(data) == 2 else (data[1:] or None)
    return argument if type(argument) is dict else {}, argument


def check_not_streamed(response: Response) -> None:
    """Reject a stream or a file.

    Raises:
        StreamNotSupportedException: an acknowledgement is one packet.
    """
    if response.is_streamed:
        raise StreamNotSupportedException(
            f"a {type(response).__name__} cannot be acknowledged; return the content itself"
        )


def acknowledgement(
    response: Response,
    extra_headers: Mapping[str, str] = NO_HEADERS,
    serializer: Serializer = SERIALIZER,
) -> dict[str, Any]:
    """Return the payload of the acknowledgement that carries *response*.

    Returns:
        ``{"statusCode": int, "headers": {str: str}, "content": <the content>}``. For an error (400
        and above) whose content is an object, the payload is that object, as over HTTP.
        ``statusCode`` is added if it is missing, and ``headers`` if it is missing and not empty.
        *extra_headers* are added to the headers of the response. The keys are the same as in
        ``SocketioServer.responseHandler`` of RxStack, so its clients still work.

    Raises:
        StreamNotSupportedException: *response* is a stream or a file; an acknowledgement is one
            packet.
        TypeError, ValueError, RecursionError: the content of an error cannot be encoded.
    """
    check_not_streamed(response)
    status, content = response.status_code, response.content
    headers = {**response.headers, **extra_headers}
    if status >= 400 and isinstance(plain := serializer.to_plain(content), dict):
        body = {"statusCode": status, **plain}
        if headers:
            body.setdefault("headers", headers)
        return body
    return {"statusCode": status, "headers": headers, "content": content}
