"""The links from one page of a list to others (RFC 8288)."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from rxkernel import Request


def sent_query(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of the query of *request*, as they were sent."""
    return parse_qsl(urlsplit(request.url).query, keep_blank_values=True)


def page_link(query: Sequence[tuple[str, str]], relation: str) -> str:
    """Return a link of *relation* that consists only of a *query*. So it is relative to the URL
    that the client has used, even if a proxy has changed the path."""
    return f'<?{urlencode(query)}>; rel="{relation}"'
