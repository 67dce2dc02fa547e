"""From the head of an HTTP request to the kernel's `Request`."""

from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDictProxy, MultiDict
from yarl import URL

from rxkernel.exceptions import NotFoundException
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport
from rxkernel.servers.http.request_ids import RequestIds


def new_request(
    ids: RequestIds,
    method: str,
    target: str,
    url: URL,
    headers: CIMultiDictProxy[str],
    client: ClientAddress | None,
    values: Mapping[str, object] = {},
) -> Request:
    """The request of *client* for *target*, which *url* is made of, without its body; *values* are
    the parameters of the path, where they are known, which come before those of the query."""
    request = Request(Transport.HTTP, headers)
    request.method = method
    # an absolute-form is not to hide its path from a listener
    request.url = target if target[0] == "/" else url.raw_path_qs
    request.client = client
    if values:
        params: MultiDict[Any] = MultiDict(values)
        if "?" in target:
            params.extend(url.query)
        request.params = params
    elif "?" in target:
        request.params = MultiDict(url.query)
    if ids.name in headers:
        request.id = ids.given(headers)
    return request


def below(prefix: str, path: str) -> str:
    """What *path* is called below *prefix*.

    Raises:
        NotFoundException: it is not below.
    """
    if path != prefix and not path.startswith(prefix + "/"):
        raise NotFoundException
    return path[len(prefix) :] or "/"


def add_path(request: Request, values: dict[str, object]) -> None:
    """Put the path parameters before those of the query."""
    if values:
        params: MultiDict[Any] = MultiDict(values)
        params.extend(request.params)
        request.params = params
