"""Creates the response from the result of the handlers."""

import inspect
from collections.abc import Mapping
from typing import Any

from bundles.contracts import DomainError
from bundles.web.client import Client
from bundles.web.directories.chain_end import ENDED, result_of
from rxkernel import Response, RxKernelError

_MOST_ENDS = 4
"""How often ``client.end()`` may be called while one response is rendered."""


async def respond(client: Client, result: Any) -> Response:
    """Return the response with *result*: data, ``(data, status)``, ``(data, status, headers)`` or
    a response. Headers may be a content type. The status and the headers of *client* are used if
    the result does not have them.

    Raises:
        RxKernelError: *result* is another tuple, or an exception.
    """
    status, headers = client.status, client.sent_headers
    if type(result) is tuple:
        result, status, own = _unpacked(client, result)
        headers = {**headers, **own} if headers else own
    if isinstance(result, BaseException):
        raise _returned(client, result)
    if isinstance(result, Response):
        return _completed(result, client, headers)
    rendered = client.chain.directory.extension.render(client, result)
    return await respond_with(client, rendered, status, headers)


async def respond_ending(client: Client, result: Any) -> Response:
    """As `respond`, but the extension may call ``client.end()`` while it renders.

    Raises:
        RxKernelError: it does so again for each new result.
    """
    for _ in range(_MOST_ENDS):
        try:
            return await respond(client, result)
        except ENDED as ended:
            result = result_of(ended)
    name = client.directory.extension.name
    raise RxKernelError(
        f"render of the extension {name!r} calls client.end() again for the data of its own "
        f"client.end(); return the data instead"
    )


async def respond_with(
    client: Client, rendered: Any, status: int | None, headers: Mapping[str, str] | None
) -> Response:
    """Return the response with the body that an extension has *rendered*."""
    if inspect.isawaitable(rendered):
        rendered = await rendered
    if isinstance(rendered, Response):
        return _completed(rendered, client, headers)
    if rendered is None:
        return Response(None, status or 204, headers)
    extension = client.chain.directory.extension
    response = Response(rendered, status or 200, headers)
    response.headers.setdefault("Content-Type", extension.content_type)
    if extension.headers:
        for name, value in extension.headers.items():
            response.headers.setdefault(name, value)
    return response


def _unpacked(client: Client, result: tuple[Any, ...]) -> tuple[Any, int, dict[str, str]]:
    data, *rest = result or (None,)
    status = rest[0] if rest else None
    headers: Any = rest[1] if len(rest) == 2 else {}
    if isinstance(headers, str):
        headers = {"Content-Type": headers}
    if type(status) is not int or len(rest) > 2 or not isinstance(headers, Mapping):
        raise RxKernelError(
            f"{client.chain.name} returned a tuple that is not (data, status) or (data, status, "
            f"headers); return a list for data"
        )
    return data, status, dict(headers)


def _completed(response: Response, client: Client, headers: Mapping[str, str] | None) -> Response:
    """Add *headers* and the status that a handler has set to *response*, and return it."""
    if client.status is not None and response.status_code == 200:
        response.status_code = client.status
    if headers:
        response.headers.update(headers)
    return response


def _returned(client: Client, result: BaseException) -> Exception:
    if isinstance(result, DomainError):
        return result.as_returned()
    error = RxKernelError(
        f"{client.chain.name} returned an exception, {type(result).__name__}; return "
        f"DomainError(code, text), or raise an exception with a status"
    )
    error.__cause__ = result
    return error
