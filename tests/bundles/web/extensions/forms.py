"""Results in the form of an extension, without an application."""

from collections.abc import Mapping
from typing import Any

import attrs

from bundles.web.extensions.csv import CSV
from bundles.web.extensions.json import JSON
from bundles.web.extensions.jsonp import JSONP
from bundles.web.extensions.xml import XML
from rxkernel import Serializer
from rxkernel.kernel.serialization import SERIALIZER

_FORMS = {form.name: form for form in (JSON, JSONP, XML, CSV)}


@attrs.frozen
class QueryClient:
    """The client of a request with *query*."""

    query: Mapping[str, Any]
    serializer: Serializer = SERIALIZER


def form_of(extension: str, data: Any, **query: str) -> str:
    """Return *data* as a directory with *extension* sends them."""
    rendered = _FORMS[extension].render(QueryClient(query), data)
    assert isinstance(rendered, str | bytes)
    return rendered if isinstance(rendered, str) else rendered.decode()
