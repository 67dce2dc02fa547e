"""The shapes of events and acknowledgements, those that RxStack's clients know."""

from typing import Any

from rxkernel.exceptions import BadRequestException, StreamNotSupportedException
from rxkernel.kernel.serialization import to_plain
from rxkernel.messages.response import EventStreamResponse, FileResponse, Response, StreamResponse


def read_arguments(arguments: list[Any]) -> tuple[dict[str, Any], Any]:
    """``(params, body)`` of an event's arguments, the acknowledgement left out.

    One object with no keys but ``params`` and ``body`` says both; any other one value is
    the body, several are a list as the body, none is None.

    Raises:
        BadRequestException: ``params`` is neither an object nor null.
    """
    argument = arguments[0] if len(arguments) == 1 else (arguments or None)
    if not isinstance(argument, dict) or not argument.keys() <= {"params", "body"}:
        return {}, argument
    params = argument.get("params")
    if params is not None and not isinstance(params, dict):
        raise BadRequestException("params must be an object")
    return params or {}, argument.get("body")


def acknowledgement(response: Response) -> dict[str, Any]:
    """Shape *response* as the payload of a Socket.IO acknowledgement.

    Returns:
        ``{"statusCode": int, "headers": {str: str}, "content": <JSON or bytes>}``; for an
        error (400 and above) whose content is an object, that object, as over HTTP, with
        ``statusCode`` where it has none. The keys are those of RxStack's
        ``SocketioServer.responseHandler``, so its clients still work.

    Raises:
        StreamNotSupportedException: *response* is a stream or a file; an acknowledgement
            is one packet.
        TypeError, ValueError, RecursionError: the content cannot be a packet.
    """
    if isinstance(response, StreamResponse | EventStreamResponse | FileResponse):
        raise StreamNotSupportedException(
            f"a {type(response).__name__} cannot be acknowledged; return the content itself"
        )
    content = to_plain(response.content)
    if response.status_code >= 400 and isinstance(content, dict):
        return {"statusCode": response.status_code, **content}
    return {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "content": content,
    }
