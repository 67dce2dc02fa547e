"""Reads the header with the id of an HTTP request.

`messages.request_id` creates and checks ids. `NativeRequestIdHeader`
(``aiohttp/request/request_id_header.py``) and `ResponseWriter` add the header to responses.
"""

from collections.abc import Mapping

from multidict import istr

from rxkernel.messages.request_id import client_request_id


class RequestIdHeader:
    """Reads ids from the header *name*; if it is None, ids are neither read nor sent."""

    def __init__(self, name: str | None) -> None:
        self.name = name if name is None else istr(name)

    def from_headers(self, headers: Mapping[str, str]) -> str | None:
        """Return the id that the client has sent; None if it is missing or invalid."""
        return client_request_id(headers, self.name)
