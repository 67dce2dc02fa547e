"""A unit in a single file: each public ``async def`` is a method."""

from bundles.autoload import bus

access = "public"


async def now(area: str, location: str) -> str:
    found = await bus.world_time.current_time(area=area, location=location)
    return f"{found['timezone']} - {found['datetime']}"
