from bundles.autoload import Context


async def add(context: Context) -> int:
    assert context.session is not None
    count: int = context.session["count"] + 1
    context.session["count"] = count
    return count
