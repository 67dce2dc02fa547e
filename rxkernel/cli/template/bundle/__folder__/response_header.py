"""Adds the header to every response, over HTTP and Socket.IO."""

from injector import inject
from rxkernel import KernelEvents, ResponseEvent, observe

from __folder__.settings import PlaceholderSettings


class ResponseHeader:
    @inject
    def __init__(self, settings: PlaceholderSettings) -> None:
        self.settings = settings

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def add(self, event: ResponseEvent) -> None:
        event.response.headers[self.settings.header] = self.settings.text
