"""A remote service: its settings, limits, circuit and connections."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Self

from bundles.autoload.remote.admission import Admission
from bundles.autoload.remote.circuit_breaker import CircuitBreaker, Outcome
from bundles.autoload.remote.client import Client
from bundles.autoload.remote.environment import BusEnvironment
from bundles.autoload.remote.exceptions import (
    RemoteConnectionException,
    RemoteException,
    RemoteStatusException,
    RemoteTimeoutException,
    RemoteUnavailableException,
)
from bundles.autoload.remote.exchange import Exchange, RemoteResponse
from bundles.autoload.remote.request_template import RemoteRequest
from bundles.autoload.remote.retries import Retries
from bundles.autoload.remote.service_settings import ServiceSettings


class Service:
    """Sends the requests of its methods.

    All versions of an application with the same ``_service.py`` share one object, so its limits
    apply to their calls together.
    """

    def __init__(self, name: str, settings: ServiceSettings, environment: BusEnvironment) -> None:
        clock = environment.clock
        self.name = name
        self.settings = settings
        self.environment = environment
        self._admission = Admission(settings.limits, settings.queue, clock)
        self._breaker = CircuitBreaker(name, settings.breaker, clock)
        self._client = Client(settings.queue.concurrency)

    @classmethod
    def of(
        cls,
        values: Mapping[str, Any],
        *,
        name: str,
        environment: BusEnvironment,
        own: Collection[str] | None = None,
    ) -> Self:
        """Build the service from the names of its file.

        Args:
            own: the names that must be keys; None: all.
            name: ``bus.world_time``, for errors and logs.

        Raises:
            ConfigurationError: lists every error of the file.
        """
        return cls(name, ServiceSettings.of(values, own), environment)

    async def send(
        self, method: str, request: RemoteRequest, *, timeout: float, retries: Retries
    ) -> RemoteResponse:
        """Send *request* of the remote method *method*; repeat it after a temporary failure.

        Args:
            timeout: seconds for all attempts together, including the time that the call waits.

        Raises:
            RemoteException: the last attempt failed.
        """
        clock = self.environment.clock
        end = clock.monotonic() + timeout
        failed: RemoteException | None = None
        attempts = 0
        while True:
            try:
                return await self._attempt(method, request, end)
            except RemoteUnavailableException as exc:
                raise (failed or exc) from None  # the circuit has opened, or a limit was reached
            except RemoteException as exc:
                attempts, failed = attempts + 1, exc
                delay = retries.delay_after(attempts, exc)
                if delay is None or clock.monotonic() + delay >= end:
                    raise
            await clock.sleep(delay)

    async def close(self) -> None:
        """Close the connections, see `Client.close`."""
        await self._client.close()

    async def _attempt(self, method: str, request: RemoteRequest, end: float) -> RemoteResponse:
        clock = self.environment.clock
        self._breaker.check(method)
        async with self._admission.place(method, end - clock.monotonic()) as place:
            is_probe = self._breaker.enter(method)
            outcome = Outcome.IGNORED
            try:
                place.start()
                seconds = min(self.settings.attempt_timeout, end - clock.monotonic())
                response = await self._exchange(method, request, seconds)
                outcome = Outcome.SUCCESS
                return response
            except RemoteException as exc:
                outcome = _outcome_of(exc)
                raise
            finally:
                self._breaker.record(outcome, is_probe=is_probe)

    async def _exchange(
        self, method: str, request: RemoteRequest, seconds: float
    ) -> RemoteResponse:
        environment = self.environment
        trace = environment.headers()
        async with self._client.session() as session:
            exchange = Exchange(method, session, self.settings, trace, environment.clock)
            try:
                async with asyncio.timeout(seconds):
                    return await exchange.send(request)
            except TimeoutError:
                problem = f"the response was not complete within {seconds:.3g} seconds"
                raise RemoteTimeoutException(method, problem, is_transient=True) from None


def _outcome_of(exc: RemoteException) -> Outcome:
    """Return the outcome for the circuit: a failure only if *exc* is not caused by the request."""
    if isinstance(exc, RemoteStatusException):
        has_failed = exc.remote_status >= 500
    else:
        has_failed = exc.is_transient or isinstance(exc, RemoteConnectionException)
    return Outcome.FAILURE if has_failed else Outcome.SUCCESS
