"""The id of a request over HTTP, which a header of the client may give."""

from collections.abc import Mapping

from multidict import istr

from rxkernel.messages.request_id import given_request_id


class RequestIds:
    """Reads the header *name*; with None, ids stay inside."""

    def __init__(self, name: str | None) -> None:
        self.name = name if name is None else istr(name)

    def given(self, headers: Mapping[str, str]) -> str | None:
        """What the client calls a request with *headers*, if that is an id."""
        return given_request_id(headers, self.name)
