from bundles.autoload import Context

access = "public"


async def sign_in(name: str, context: Context) -> str:
    return await context.start_session({"name": name, "count": 0})


async def restore(token: str, context: Context) -> bool:
    return await context.restore_session(token)


async def sign_out(context: Context) -> None:
    await context.end_session()
