"""``/healthz`` and ``/readyz``: liveness and readiness probes (setting ``health``).

The terms are those of Kubernetes: a process that is not live must be restarted; only a process
that is ready should receive requests.
"""

import asyncio
import logging
import time
from collections.abc import Iterable

from injector import inject

from rxkernel.application.health_details import DetailsAccess, health_details
from rxkernel.events.dispatcher import AsyncEventDispatcher, Listener, describe
from rxkernel.events.observe import observe
from rxkernel.exceptions import ConfigurationError, ServiceUnavailableException
from rxkernel.kernel.errors import error_response, to_failure
from rxkernel.kernel.events import DefinitionEvent, KernelEvents
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.routing.decorators import http, option
from rxkernel.routing.definitions import Definition
from rxkernel.routing.metadata import HttpMetadata
from rxkernel.servers.access_log import PROBE
from rxkernel.servers.events import ReadinessEvent, ServerEvents
from rxkernel.servers.manager import ServerManager
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)

_TIMEOUT = 0.8
"""Seconds for all listeners; the default timeout of a Kubernetes probe is one."""

_NO_STORE = {"Cache-Control": "no-store"}


def _is_probe(definition: Definition) -> bool:
    return definition.metadata.target is HealthController


class HealthController:
    """The routes of the probes. Both have ``options["public"]``, for listeners that check access.
    It is set here, not by a decorator, because `@option` must not make a route of an application
    public."""

    @inject
    def __init__(
        self, dispatcher: AsyncEventDispatcher, servers: ServerManager, settings: Settings
    ) -> None:
        self._dispatcher = dispatcher
        self._servers = servers
        self._debug = settings.debug
        self._details = DetailsAccess(settings)
        self._started = time.monotonic()
        self._failures: dict[str, str] = {}
        self._late: dict[asyncio.Task[None], Listener] = {}

    @http("GET", "/healthz", "healthz")
    @option(PROBE, True)
    async def healthz(self, request: Request) -> Response:
        """Return 200 as long as the event loop runs."""
        return Response({"status": "alive"}, 200, _NO_STORE)

    @http("GET", "/readyz", "readyz")
    @option(PROBE, True)
    async def readyz(self, request: Request) -> Response:
        """Return 200, or 503 with the name of each listener that fails; with ``details`` for
        clients in ``health_details``."""
        failures = await self._ask_listeners()
        self._log_change(failures)
        response = self._response(failures)
        if self._details.allows(request):
            response.content["details"] = await health_details(self._servers, self._started)
        return response

    def _response(self, failures: dict[str, str]) -> Response:
        if not failures:
            return Response({"status": "ready"}, 200, _NO_STORE)
        errors = [
            {"name": name, "message": reason} if self._debug else {"name": name}
            for name, reason in failures.items()
        ]
        return error_response(
            ServiceUnavailableException(code="not_ready", errors=errors, headers=_NO_STORE)
        )

    @observe(KernelEvents.KERNEL_DEFINITION, priority=2000, only=_is_probe)
    async def mark_as_public(self, event: DefinitionEvent) -> None:
        event.set_option("public", True)

    async def _ask_listeners(self) -> dict[str, str]:
        """Call all listeners concurrently, because a probe waits one second for all of them.

        A listener that timed out is called again only after it has ended, since it may suppress
        its cancellation.
        """
        event = ReadinessEvent()
        if not self._servers.is_serving:
            event.fail("servers", "not started, or about to stop")
        registered = self._dispatcher.signal(ServerEvents.READINESS).active()
        listeners = [r.listener for r in registered]
        asked = {
            asyncio.create_task(_consult(listener, event)): listener
            for listener in listeners
            if listener not in self._late.values()
        }
        late = (await asyncio.wait(asked, timeout=_TIMEOUT))[1] if asked else set()
        for task in late:
            self._late[task] = asked[task]
            task.add_done_callback(self._late.pop)
            task.cancel()
        for listener in listeners:
            if listener in self._late.values():
                event.fail(describe(listener), f"timeout after {_TIMEOUT:g} s")
        return dict(event.failures)

    def _log_change(self, failures: dict[str, str]) -> None:
        """Log a change of readiness, not every probe."""
        if failures.keys() != self._failures.keys():
            if failures:
                logger.warning("not ready: %s", failures)
            else:
                logger.info("ready again")
        self._failures = failures


async def _consult(listener: Listener, event: ReadinessEvent) -> None:
    try:
        await listener(event)
    except asyncio.CancelledError:
        raise
    except BaseException as exc:  # noqa: BLE001 - reported as a failure
        event.fail(describe(listener), repr(to_failure(exc)))


def check_not_taken(route: HttpMetadata, routes: Iterable[HttpMetadata]) -> None:
    """Check that no route of the application has the name or the path of the built-in *route*.

    Raises:
        ConfigurationError: one of *routes* has the same name or path.
    """
    asked = (route.http_method, route.syntax.shape, route.constraints)
    for other in routes:
        same = (other.http_method, other.syntax.shape, other.constraints) == asked
        if other.name == route.name or same:
            raise ConfigurationError(
                f"route {other.name!r} ({other.place}) conflicts with the built-in route "
                f"{route.name!r} (health = true); rename it and change its path, or set "
                f"health = false"
            )
