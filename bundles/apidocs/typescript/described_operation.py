"""One operation of one document, before it is written."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs

Returns = Literal["value", "bytes", "response", "nothing"]
"""How the client returns a response; `runtime.ts` uses the same words."""


@attrs.frozen
class Field:
    """A parameter or a header."""

    name: str
    schema: Any
    is_required: bool
    description: str = ""
    is_deprecated: bool = False


@attrs.frozen
class HttpRoute:
    method: str
    path: str
    rest: tuple[str, ...]
    """The parameters of the path that may contain slashes."""
    query: tuple[str, ...]
    body: Literal["json", "form", "multipart", "raw"] | None
    headers: Mapping[str, str]
    """Headers that must have a fixed value."""


@attrs.frozen
class SocketRoute:
    namespace: str
    event: str
    has_envelope: bool = True
    """Whether it is sent as ``{params, body}``; otherwise the body is the argument."""


@attrs.frozen
class DescribedOperation:
    """An operation of one document. Its schemas refer to the components of this document.

    *results*: the schemas of the possible results. *body*: None if the operation has no body.
    """

    name: str
    route: HttpRoute | SocketRoute
    params: tuple[Field, ...]
    headers: tuple[Field, ...]
    body: Field | None
    results: tuple[Any, ...]
    returns: Returns
    codes: frozenset[str | int]
    tag: str = ""
    summary: str = ""
    is_deprecated: bool = False


def documentation(summary: str, description: str) -> str:
    """Return the text of a comment: the summary, then the description."""
    if description.startswith(summary):
        return description
    return f"{summary}\n\n{description}".strip()
