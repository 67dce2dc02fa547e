"""The response of Impress to HTTP methods other than POST."""

from injector import inject

from bundles.metacom.settings import MetacomSettings
from rxkernel import ExceptionEvent, KernelEvents, MethodNotAllowedException, Response, observe

_FORBIDDEN = 403


class MethodNotAllowedPackets:
    """Replaces the 405 at ``metacom.rpc_path`` by a packet with 403, for ``metacom.compat``."""

    @inject
    def __init__(self, settings: MetacomSettings) -> None:
        self._path = settings.rpc_path

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def forbid(self, event: ExceptionEvent) -> None:
        failure, url = event.exception, event.request.url
        if isinstance(failure, MethodNotAllowedException) and url.partition("?")[0] == self._path:
            error = {"message": "Forbidden", "code": _FORBIDDEN}
            packet = {"type": "callback", "error": error}
            event.set_response(Response(packet, _FORBIDDEN, failure.headers))
