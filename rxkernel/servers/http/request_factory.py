"""From the head of an HTTP request to the kernel's `Request`."""

from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDictProxy, MultiDict
from yarl import URL

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
) -> Request:
    """The request of *client* for *target*, of which *url* was made, without its body and
    without the parameters of its path."""
    request = Request(Transport.HTTP, headers)
    request.method = method
    # an absolute-form must not hide its path from a listener
    request.url = target if target[0] == "/" else url.raw_path_qs
    request.client = client
    if "?" in target:
        request.params = MultiDict(url.query)
    if ids.name in headers:
        request.id = ids.given(headers)
    return request


def add_path_parameters(request: Request, values: Mapping[str, object]) -> None:
    """Put the parameters of the path before those of the query."""
    params: MultiDict[Any] = MultiDict(values)
    if "?" in request.url:
        params.extend(request.params)
    request.params = params
