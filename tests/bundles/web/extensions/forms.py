"""Results in the form of an extension, without an application."""

from collections.abc import Mapping
from typing import Any

import attrs

from bundles.web.extensions.extensions import Extensions
from rxkernel.kernel.serialization import SERIALIZER


@attrs.frozen
class QueryClient:
    """The client of a request with *query*."""

    query: Mapping[str, Any] = attrs.field(factory=dict)


def form_of(extension: str, data: Any, **query: str) -> str:
    """Return *data* as a directory with *extension* sends them."""
    rendered = Extensions(SERIALIZER)[extension].render(QueryClient(query), data)
    assert isinstance(rendered, str | bytes)
    return rendered if isinstance(rendered, str) else rendered.decode()
