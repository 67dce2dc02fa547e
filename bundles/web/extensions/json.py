"""``.json``: what the kernel writes as JSON, with cycles cut."""

from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.cycles import without_cycles
from bundles.web.extensions.extension import Extension


def render_json(client: Client, data: Any) -> bytes:
    """Return *data* as JSON; each value is data, also None, which is ``null``.

    Where a container contains itself, it is ``null``, see `without_cycles`. A copy is made only
    for data that the serializer of the kernel cannot encode for this reason, or because they are
    nested too deep.
    """
    encode = client.chain.environment.serializer.encode_json
    try:
        return encode(data)
    except RecursionError:
        return encode(without_cycles(data))


JSON = Extension("json", "application/json", render_json)
