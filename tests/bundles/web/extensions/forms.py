"""Results in the form of an extension, without an application."""

from types import SimpleNamespace
from typing import Any

from bundles.web.extensions.csv import CSV
from bundles.web.extensions.json import JSON
from bundles.web.extensions.jsonp import JSONP, take_callback
from bundles.web.extensions.xml import XML
from rxkernel import Request
from rxkernel.kernel.serialization import SERIALIZER

_FORMS = {form.name: form for form in (JSON, JSONP, XML, CSV)}


def form_of(extension: str, data: Any, **query: str) -> str:
    """Return *data* in the form that a directory with *extension* sends."""
    environment = SimpleNamespace(serializer=SERIALIZER)
    request = Request("HTTP", params=query)
    if extension == "jsonp":
        take_callback(request)
    client = SimpleNamespace(request=request, chain=SimpleNamespace(environment=environment))
    rendered = _FORMS[extension].render(client, data)
    assert isinstance(rendered, str | bytes)
    return rendered if isinstance(rendered, str) else rendered.decode()
