"""``.json``: the JSON of the kernel, with cycles cut."""

from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.cycles import without_cycles
from bundles.web.extensions.extension import Extension


def render_json(client: Client, data: Any) -> bytes:
    """Return *data* as JSON; None is data too: ``null``.

    A container inside itself is ``null``, see `without_cycles`. A copy is created only if the
    serializer of the kernel cannot encode *data*, because of a cycle or deep nesting.
    """
    encode = client.chain.environment.serializer.encode_json
    try:
        return encode(data)
    except RecursionError:
        return encode(without_cycles(data))


JSON = Extension("json", "application/json", render_json)
