"""Use the session of a token again, for example after a reconnect."""

from bundles.autoload import Context

access = "public"


async def method(token: str, context: Context) -> bool:
    return await context.restore_session(token)
