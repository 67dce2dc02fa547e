"""`Slice`: a part of a list, which is sent with paging headers."""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, get_args

import attrs

from bundles.resources.entities.page_links import page_link, sent_query
from rxkernel import (
    ConfigurationError,
    Request,
    Response,
    ReturnMarker,
    Transport,
    current_request,
)

T = TypeVar("T")

_PLACES = ("skip", "offset", "cursor")


class _Sliced(ReturnMarker):
    """Sends the items of a `Slice` as the content, and its other attributes as headers."""

    def sent_type(self, declared: Any) -> Any:
        items = get_args(declared)
        if not items:
            raise ConfigurationError(
                "Slice has no type of its items; write Slice[…] with the class of an item"
            )
        return list[items[0]]  # type: ignore[valid-type] # of a variable

    def sent_value(self, value: Any) -> Any:
        return value.response() if isinstance(value, Slice) else value


@attrs.frozen
class Slice(Generic[T]):
    """A part of a list: ``-> Slice[ArticleView]`` sends its items as a list.

    The headers are ``X-Total``, ``X-Limit``, ``X-Skip`` and ``Link`` (RFC 8288) with the relations
    ``next`` and ``prev``, as in RxStack's resources.

    Attributes:
        items: the items of this part, in order.
        total: the number of items in the whole list; None if they were not counted.
        limit: the maximum number of items in a part.
        skip: the number of items before this part.
        cursor: the cursor of the next part, instead of its *skip*; None on the last part.
    """

    return_marker = _Sliced()

    items: Sequence[T]
    total: int | None
    limit: int
    skip: int = 0
    cursor: str | None = None

    @property
    def has_more(self) -> bool:
        """Whether more items follow; without *total*, whether this part is full."""
        if self.cursor is not None:
            return True
        if self.total is None:
            return len(self.items) >= self.limit
        return self.skip + len(self.items) < self.total

    def response(self) -> Response:
        """Return the response with the items and the headers."""
        headers = {"X-Limit": str(self.limit), "X-Skip": str(self.skip)}
        if self.total is not None:
            headers["X-Total"] = str(self.total)
        request = current_request.get()
        if request is not None and request.transport is Transport.HTTP:
            links = ", ".join(self._links(request))
            if links:
                headers["Link"] = links
        return Response(list(self.items), headers=headers)

    def _links(self, request: Request) -> Iterator[str]:
        query = sent_query(request)
        sent = [(key, value) for key, value in query if key not in _PLACES]
        skip = "offset" if "offset" in dict(query) else "skip"
        if self.cursor is not None:
            yield page_link([*sent, ("cursor", self.cursor)], "next")
        elif self.has_more:
            yield page_link([*sent, (skip, str(self.skip + self.limit))], "next")
        if self.skip > 0:
            yield page_link([*sent, (skip, str(max(0, self.skip - self.limit)))], "prev")
