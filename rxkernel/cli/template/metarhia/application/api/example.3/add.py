"""One call at a time, up to 200 wait. Times are seconds. The signature is the contract."""

access = "public"
timeout = 1
queue = {"concurrency": 1, "size": 200, "timeout": 3}


async def method(a: float, b: float) -> float:
    return a + b
