"""An endpoint that uses a library."""

from bundles.autoload import lib

access = "public"


async def method(size: int) -> str:
    return lib.units.bytes_to_size(size)
