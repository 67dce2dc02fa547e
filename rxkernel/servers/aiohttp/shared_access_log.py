"""The access log of a shared port: each line belongs to the application of the request."""

from aiohttp import web

from rxkernel.servers.aiohttp.connection.access_log import AccessLogger
from rxkernel.servers.aiohttp.shared_member import Serving

SERVING = web.RequestKey("rxkernel.serving", Serving)
"""The key of the application of a request."""


class SharedAccessLogger(AccessLogger):
    """Logs with the ids of the application of each request."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        serving = request.get(SERVING)
        if serving is None:
            super().log(request, response, time)
        elif serving.access_log is not None:
            serving.access_log.log(request, response, time)
