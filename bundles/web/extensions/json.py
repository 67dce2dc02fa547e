"""``.json``: the result as JSON."""

from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.extension import Extension, Rendered


def render_json(client: Client, data: Any) -> Rendered:
    return client.chain.environment.encode_json(data)


JSON = Extension("json", "application/json", render_json)
