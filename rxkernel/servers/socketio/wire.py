"""The shapes of events and acknowledgements, those that RxStack's clients know."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rxkernel.exceptions import StreamNotSupportedException
from rxkernel.kernel.serialization import to_plain
from rxkernel.messages.input_errors import kind_of, rejection, wrong_type
from rxkernel.messages.response import Response

NO_MARKS: Mapping[str, str] = MappingProxyType({})
_NAMED = frozenset(("params", "body"))


def read_arguments(data: list[Any]) -> tuple[dict[str, Any], Any]:
    """``(params, body)`` of an event's *data*, its name first and the acknowledgement left out.

    One object with no keys but ``params`` and ``body`` says both; any other one value is
    the body, several are a list as the body, none is None.

    Raises:
        UnprocessableEntityException: ``params`` is neither an object nor null (422).
    """
    argument = data[1] if len(data) == 2 else (data[1:] or None)
    if type(argument) is not dict or not _NAMED.issuperset(argument):
        return {}, argument
    params = argument.get("params")
    if params is not None and type(params) is not dict:
        raise rejection([wrong_type("object", kind_of(params)).to_dict("params")])
    return params or {}, argument.get("body")


def acknowledgement(response: Response, marks: Mapping[str, str] = NO_MARKS) -> dict[str, Any]:
    """Shape *response* as the payload of a Socket.IO acknowledgement.

    Returns:
        ``{"statusCode": int, "headers": {str: str}, "content": <as it is>}``; for an
        error (400 and above) whose content is an object, that object, as over HTTP, with
        ``statusCode`` where it has none, and ``headers`` where it has none and there are any.
        *marks* are among the headers. The keys are those of RxStack's
        ``SocketioServer.responseHandler``, so its clients still work.

    Raises:
        StreamNotSupportedException: *response* is a stream or a file; an acknowledgement
            is one packet.
        TypeError, ValueError, RecursionError: the content of an error cannot be a packet.
    """
    if response.is_streamed:
        raise StreamNotSupportedException(
            f"a {type(response).__name__} cannot be acknowledged; return the content itself"
        )
    status, content = response.status_code, response.content
    headers = {**response.headers, **marks}
    if status >= 400 and isinstance(plain := to_plain(content), dict):
        body = {"statusCode": status, **plain}
        if headers:
            body.setdefault("headers", headers)
        return body
    return {"statusCode": status, "headers": headers, "content": content}
