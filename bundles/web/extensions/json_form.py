"""``.json``: what the kernel writes as JSON, with cycles cut."""

from collections.abc import Callable
from typing import Any

from bundles.web.extensions.cycles import without_cycles
from bundles.web.extensions.extension import Extension
from rxkernel import Serializer


def json_extension(serializer: Serializer) -> Extension:
    """Every value is data, also None, which is ``null``.

    A container that contains itself is ``null`` there.
    """
    encode = json_encoder(serializer)

    def render(client: Any, data: Any) -> bytes:
        return encode(data)

    return Extension("json", "application/json", render)


def json_encoder(serializer: Serializer) -> Callable[[Any], bytes]:
    """Return the function that encodes data, see `without_cycles`.

    It is that of the kernel; only for data that it cannot encode, because they contain themselves
    or are nested too deep, a copy is made.
    """
    encode_json = serializer.encode_json

    def encode(data: Any) -> bytes:
        try:
            return encode_json(data)
        except RecursionError:
            return encode_json(without_cycles(data))

    return encode
