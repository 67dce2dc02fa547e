"""One attempt: a request, its redirects and the response."""

import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus

import attrs
from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
)
from multidict import CIMultiDict
from yarl import URL

from bundles.autoload.remote.exceptions import (
    RemoteConnectionException,
    RemoteException,
    RemoteResponseException,
    RemoteStatusException,
)
from bundles.autoload.remote.request_template import RemoteRequest
from bundles.autoload.remote.retries import TRANSIENT_STATUSES, seconds_of_retry_after
from bundles.autoload.remote.service_settings import ServiceSettings
from bundles.clock import Clock

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_ENCODED = re.compile(r"[!-~]+")
_EXCERPT = 500
_CHUNK = 65_536


@attrs.frozen
class RemoteResponse:
    """A response with a status of 2xx, whose *body* is complete and decompressed."""

    body: bytes
    charset: str

    def text(self) -> str:
        try:
            return self.body.decode(self.charset, "replace")
        except LookupError:  # a charset that Python does not know
            return self.body.decode("utf-8", "replace")


@attrs.frozen
class Exchange:
    """Sends a request of the remote method *method* with *session*.

    Attributes:
        trace: the headers of the current message, which are not sent to another origin.
    """

    method: str
    session: ClientSession
    settings: ServiceSettings
    trace: Mapping[str, str]
    clock: Clock

    async def send(self, request: RemoteRequest) -> RemoteResponse:
        """Send *request*, follow redirects, and return the response.

        Raises:
            RemoteException: the response is missing or invalid, or its status is not 2xx.
        """
        try:
            return await self._follow(request)
        except ClientConnectorCertificateError as exc:
            problem = f"the certificate of the service is not valid ({exc.certificate_error})"
            raise self._unreachable(problem, is_transient=False) from None
        except ClientConnectorError as exc:
            problem = f"the service cannot be reached ({_reason(exc.os_error)})"
            raise self._unreachable(problem, is_transient=True) from None
        except (ClientResponseError, ClientPayloadError) as exc:
            # the text of the exception may contain the URL and the headers
            problem = f"the response is not valid HTTP, or not complete ({type(exc).__name__})"
            raise RemoteResponseException(self.method, problem, is_transient=True) from None
        except (ClientError, OSError) as exc:
            problem = f"the connection was closed before the response ({type(exc).__name__})"
            raise RemoteConnectionException(self.method, problem, is_transient=True) from None

    def _unreachable(self, problem: str, *, is_transient: bool) -> RemoteConnectionException:
        return RemoteConnectionException(
            self.method, problem, is_transient=is_transient, was_sent=False
        )

    async def _follow(self, request: RemoteRequest) -> RemoteResponse:
        for _ in range(self.settings.redirects + 1):
            async with self.session.request(
                request.verb,
                request.url,
                data=request.body,
                headers=self._headers(request),
                allow_redirects=False,
            ) as response:
                location = response.headers.get("Location")
                if response.status not in _REDIRECTS or location is None:
                    return await self._read(response, request)
                request = self._redirected(request, response.status, location)
        problem = f"more than {self.settings.redirects} redirects"
        raise RemoteResponseException(self.method, problem)

    def _headers(self, request: RemoteRequest) -> CIMultiDict[str]:
        headers = CIMultiDict({"Accept": "application/json", "Content-Type": "application/json"})
        if request.url.origin() == self.settings.origin:
            headers.update(self.trace)
            headers.update(self.settings.headers)
            headers.update(request.headers)
        headers["Accept-Encoding"] = "gzip, deflate"
        if request.body is None:
            del headers["Content-Type"]
        return headers

    def _redirected(self, request: RemoteRequest, status: int, location: str) -> RemoteRequest:
        """Return the request to *location* for *request*, by the rules of the Fetch standard.

        Raises:
            RemoteResponseException: the location is invalid, or has another origin.
        """
        try:
            url = request.url.join(URL(location, encoded=_ENCODED.fullmatch(location) is not None))
            origin = url.origin()
        except ValueError:
            problem = "the response is a redirect to an invalid URL"
            raise RemoteResponseException(self.method, problem) from None
        if (url.user, url.password) != (None, None) or (
            origin != self.settings.origin and origin not in self.settings.redirect_origins
        ):
            problem = (
                f"the response is a redirect to {str(origin)!r:.200}; add this origin to "
                "redirect_origins if the service may send it"
            )
            raise RemoteResponseException(self.method, problem)
        becomes_get = status == HTTPStatus.SEE_OTHER and request.verb != "HEAD"
        if becomes_get or (status in (301, 302) and request.verb == "POST"):
            return attrs.evolve(request, verb="GET", url=url, body=None)
        return attrs.evolve(request, url=url)

    async def _read(self, response: ClientResponse, request: RemoteRequest) -> RemoteResponse:
        if not 200 <= response.status < 300:
            raise await self._failure(response)
        limit = self.settings.max_response_size
        body = bytearray()
        if request.verb != "HEAD":
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > limit:
                    problem = f"the response has more than {limit} bytes, see max_response_size"
                    raise RemoteResponseException(self.method, problem)
        return RemoteResponse(bytes(body), response.charset or "utf-8")

    async def _failure(self, response: ClientResponse) -> RemoteException:
        excerpt = b""
        try:
            while len(excerpt) < _EXCERPT and (chunk := await response.content.read(_EXCERPT)):
                excerpt += chunk
        except (ClientPayloadError, ClientResponseError):
            pass  # the body is not needed: the status is reported
        status = response.status
        retry_after = response.headers.get("Retry-After")
        return RemoteStatusException(
            self.method,
            status,
            excerpt[:_EXCERPT].decode("utf-8", "replace"),
            retry_after=seconds_of_retry_after(retry_after, self.clock.now()),
            is_transient=status in TRANSIENT_STATUSES,
        )


def _reason(exc: OSError) -> str:
    if isinstance(exc, ssl.SSLError):
        return f"TLS: {exc.reason}"
    return exc.strerror or type(exc).__name__
