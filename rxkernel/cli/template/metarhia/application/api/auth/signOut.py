"""End the session everywhere. Without ``access`` a client needs a session."""

from bundles.autoload import Context


async def method(context: Context) -> bool:
    await context.end_session()
    return True
