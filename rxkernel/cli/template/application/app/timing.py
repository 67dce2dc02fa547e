"""Sends the duration of each request to its client."""

from time import perf_counter

from rxkernel import KernelEvents, RequestEvent, ResponseEvent, observe


class Timing:
    """Runs before all other request listeners, and after all other response listeners."""

    @observe(KernelEvents.KERNEL_REQUEST, priority=1000)
    async def begin(self, event: RequestEvent) -> None:
        event.request.attributes["began"] = perf_counter()

    @observe(KernelEvents.KERNEL_RESPONSE, priority=-1000)
    async def end(self, event: ResponseEvent) -> None:
        began = event.request.attributes.get("began")
        if began is not None:  # a request that matched no route had no request phase
            took = 1000 * (perf_counter() - began)
            event.response.headers["Server-Timing"] = f"total;dur={took:.1f}"
