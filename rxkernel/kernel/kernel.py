"""Compiles routes into definitions and handles the messages of every transport with them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, TypeVar

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import HttpException
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.compiler import Compiler
from rxkernel.kernel.container import Container, EmptyContainer
from rxkernel.kernel.contexts import context_of, current_context, start
from rxkernel.kernel.deadline import TimedPipeline
from rxkernel.kernel.errors import error_response, log_failure, to_failure
from rxkernel.kernel.events import CompiledEvent, KernelEvents
from rxkernel.kernel.links import NoSite, Site, SiteLinks
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.propagator import Extract
from rxkernel.kernel.scope_exit import close_request_scope, exit_after_failure
from rxkernel.kernel.scopes import current_request
from rxkernel.kernel.serialization import Serializer
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.messages.scoped_services import CLOSED
from rxkernel.messages.transport import Transport
from rxkernel.messages.vary import vary
from rxkernel.routing.definitions import (
    Definition,
    DefinitionPipeline,
    Definitions,
    HttpDefinition,
    WebSocketDefinition,
)
from rxkernel.routing.kinds import KINDS, Kind
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.scalars import NO_SCALARS, Scalars

logger = logging.getLogger(__name__)

T = TypeVar("T")

AnyPipeline = Pipeline | DefinitionPipeline
"""The pipeline of a definition, or of messages without a definition."""


class Kernel:
    """The definitions of one application, and the phases of its messages.

    A transport calls `begin` when it has received a message, finds its definition in `compiled`,
    calls `answer`, sends the response, and calls `terminate`; all in the context of the message.

    Attributes:
        compiled: all definitions; immutable, replaced by each reload.
        handled: number of terminated messages: requests, events and calls.
        extract: reads the trace context of a message, see `Propagator`; may be None.
        serializer: encodes what the application sends, over every transport.

    Args:
        controllers: the instances by class, built once at boot.
        threads: how many plain ``def`` actions may run at a time.
        container: returns the services of actions; None: actions have no services.
        request_timeout: the timeout of a message in seconds, see `TimedRoute`.
        options: the declared keys of options; None accepts any key.
        transports: the transports of bundles.
        kinds: the parameters that paths may have, see `own_kinds`.
        scalars: the custom scalars; they may be added until routes are compiled.
        site: the address of the application for clients.
    """

    def __init__(
        self,
        dispatcher: AsyncEventDispatcher,
        controllers: Mapping[type, object],
        *,
        threads: int = 8,
        container: Container | None = None,
        debug: bool = False,
        request_timeout: float | None = None,
        options: Collection[str] | None = None,
        transports: Collection[Transport] = (),
        kinds: Mapping[str, Kind] = KINDS,
        scalars: Scalars = NO_SCALARS,
        site: Site | None = None,
    ) -> None:
        self.debug = debug
        self.handled = 0
        site = NoSite() if site is None else site
        self.compiled = Compiled.of((), transports, site.host_of)
        self.serializer = Serializer(scalars)
        self._links = SiteLinks(site, lambda: self.http_definitions, self.serializer)
        self.extract: Extract | None = None
        self._controllers = controllers
        self._container: Container = EmptyContainer() if container is None else container
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rxkernel-action")
        self.compiler = Compiler(
            dispatcher,
            threads=self._threads,
            container=self._container,
            request_timeout=request_timeout,
            options=options,
            transports=transports,
            kinds=kinds,
            scalars=scalars,
            host_of=site.host_of,
            links=self._links,
        )
        self._unmatched = Pipeline(dispatcher, None)
        if request_timeout is not None:
            self._unmatched = TimedPipeline(dispatcher, None, seconds=request_timeout)
        self._background: set[asyncio.Task[None]] = set()

    @property
    def definitions(self) -> Mapping[Transport, Definitions[Any]]:
        """The definitions of each transport."""
        return self.compiled.definitions

    @property
    def http_definitions(self) -> Definitions[HttpDefinition]:
        return self.compiled.definitions[Transport.HTTP]

    @property
    def websocket_definitions(self) -> Definitions[WebSocketDefinition]:
        return self.compiled.definitions[Transport.SOCKET]

    async def compile(self, routes: Iterable[RouteMetadata]) -> CompiledEvent:
        """Compile a definition of each route, in the order of *routes*, and install them.

        Raises:
            ConfigurationError: with every problem found, see `Compiler.compile`.
        """
        compiled = await self.compiler.compile(tuple(routes), self._controllers, self.compiled)
        return self.install(compiled)

    def install(self, compiled: Compiled) -> CompiledEvent:
        """Serve *compiled* from now on. Messages in flight keep the definitions they have."""
        before, self.compiled = self.compiled, compiled
        return CompiledEvent.between(before, compiled)

    def begin(self, request: Request) -> None:
        """Begin a message. The current context becomes the context of the message.

        Sets the start of `TerminateEvent.duration`, and extracts the trace context from the
        headers. The transport then calls `answer` or `fail`.
        """
        request.received_at = perf_counter()
        current_request.set(request)
        if self.extract is not None:
            self.extract(request.headers)

    async def answer(self, definition: Definition, request: Request) -> Response:
        """Return the response to *request*; for an unhandled exception, the standard error.

        Raises:
            asyncio.CancelledError: the caller's own task has been cancelled.
        """
        try:
            return await definition.pipeline.handle(request)
        except BaseException as exc:
            return await self.recover(definition, request, exc)

    async def recover(
        self, definition: Definition, request: Request, exc: BaseException
    ) -> Response:
        """Return the standard error response to *exc*, which the pipeline of *definition* raised.

        Raises:
            asyncio.CancelledError: *exc* is the cancellation of the caller's own task.
        """
        return await self._error_response(definition.pipeline, request, to_failure(exc))

    async def handle_event(self, definition: Definition, request: Request) -> None:
        """Handle a message whose sender gets no response, in the context of the caller.

        A response with a status from 400 to 499 is logged as an error, with the URL of *request*
        as the name of the event; other errors are logged for every message.

        Raises:
            asyncio.CancelledError: the caller's own task has been cancelled.
        """
        response: Response | None = None
        self.begin(request)
        try:
            response = await self.answer(definition, request)
            if 400 <= response.status_code < 500:
                place = definition.metadata.source or definition.metadata.place
                logger.error(
                    "%s failed for the event %.100r: %s %.500r",
                    *(place, request.url, response.status_code, response.content),
                )
        finally:
            self.terminate(request, response)

    async def fail(self, request: Request, exception: Exception) -> Response:
        """Return the error response to a request without a definition, or to one whose response
        cannot be sent.

        Context managers that are still open are exited with *exception*, then the exception and
        response phases run.
        """
        request.links = self._links
        request.service_source = self._container
        pipeline, varies = self._pipeline(request), _varies(exception)
        token = current_request.set(request)
        try:
            if request.services is not None:
                exception = await exit_after_failure(request, request.services, exception)
            response = await _handle_exception(pipeline, request, exception)
        except BaseException as exc:
            response = await self._error_response(pipeline, request, to_failure(exc))
        finally:
            del exception  # its traceback holds this frame
            current_request.reset(token)
        if varies:
            vary(response.headers, *varies)
        return response

    async def respond(self, request: Request, response: Response) -> Response:
        """Run the response phase for a *response* that the transport itself has created."""
        request.links = self._links
        request.service_source = self._container
        try:
            return await self._unmatched.respond(request, response)
        except BaseException as exc:
            return await self.fail(request, to_failure(exc))

    @asynccontextmanager
    async def message(self, request: Request) -> AsyncIterator[None]:
        """Make *request*, which has no definition, the current message inside the block.

        After the block, its context managers are exited without an exception. If the block raises,
        the caller must pass the exception to `fail`, or close the request scope with it.
        """
        request.links = self._links
        request.service_source = self._container
        token = current_request.set(request)
        try:
            yield
            services = request.services
            if services is not None and (failure := await services.exit_managers(None)):
                raise failure
        finally:
            current_request.reset(token)

    async def encoded(
        self, request: Request, response: Response, encode: Callable[[Response], T]
    ) -> tuple[Response, T]:
        """Return *response* and the result of *encode* for it.

        If *encode* raises, because the protocol cannot carry the content, return an error response
        and its encoding, after the exception and response phases.
        """
        try:
            return response, encode(response)
        except Exception as exc:
            await close_source(response)
            response = await self.fail(request, exc)
        try:
            return response, encode(response)
        except Exception as exc:
            logger.exception("the error response to %.100r cannot be encoded", request.url)
            response = error_response(exc, debug=self.debug, serializer=self.serializer)
            return response, encode(response)

    async def _error_response(
        self, pipeline: AnyPipeline, request: Request, exception: Exception
    ) -> Response:
        token = current_request.set(request)
        try:
            log_failure(request, exception)
            return await pipeline.respond(
                request, error_response(exception, debug=self.debug, serializer=self.serializer)
            )
        except BaseException as exc:
            failure = to_failure(exc)
            log_failure(request, failure)
            return error_response(failure, debug=self.debug, serializer=self.serializer)
        finally:
            current_request.reset(token)

    def _pipeline(self, request: Request) -> AnyPipeline:
        definition: Definition | None = request.definition
        return self._unmatched if definition is None else definition.pipeline

    def terminate(
        self,
        request: Request,
        response: Response | None,
        size: int | None = None,
        failure: BaseException | None = None,
        task: "asyncio.Task[Any] | None" = None,
    ) -> None:
        """Run the terminate phase and close the request scope, both in a background task.

        The background task runs in the context of *task*, which has handled the message; by
        default the current task.

        Args:
            response: the response that was sent, or not sent because the client had disconnected.
                None if the message was cancelled before it had a response: then only the scope is
                closed.
            size: bytes of the body or packet, see `TerminateEvent`; None unless all was sent.
            failure: the exception that ended a stream early. Context managers that are still open
                are exited with it.
        """
        self.handled += 1
        definition: Definition | None = request.definition
        has_listeners = definition is not None and definition.pipeline.has_terminate_listeners
        services = request.services
        if (has_listeners and response is not None) or (
            services is not None  # inlined: `bool(services)` would be a call for each message
            and (services.entries or services.after_sending or services.before_sending)
        ):
            duration = _seconds_since(request.received_at)
            context = current_context() if task is None else context_of(task)
            work = start(self._terminate(request, response, duration, size, failure), context)
            self._background.add(work)
            work.add_done_callback(self._background.discard)
        elif services is None:
            request.services = CLOSED
        else:
            services.end()

    async def finish(
        self, request: Request, response: Response | None, failure: BaseException | None = None
    ) -> None:
        """Like `terminate`, but in the task and the context of the caller, which awaits it.

        Use it for a message within another message, which becomes the current one again.
        """
        token = current_request.set(request)
        try:
            duration = _seconds_since(request.received_at)
            await self._terminate(request, response, duration, None, failure)
        finally:
            current_request.reset(token)

    async def _terminate(
        self,
        request: Request,
        response: Response | None,
        duration: float,
        size: int | None,
        failure: BaseException | None,
    ) -> None:
        current_request.set(request)
        definition: Definition | None = request.definition
        try:
            if response is not None and definition is not None:
                failure = (
                    await definition.pipeline.terminate(request, response, duration, size)
                    or failure
                )
        except Exception as exc:  # an only= of a listener that was added after boot
            failure = exc
            logger.exception("the listeners of %s were not called", KernelEvents.KERNEL_TERMINATE)
        finally:
            await close_request_scope(request, failure)

    async def drain(self, timeout: float | None = None) -> None:
        """Wait for the background tasks of `terminate`; cancel them after *timeout* seconds."""
        if not self._background:
            return
        _, late = await asyncio.wait(self._background, timeout=timeout)
        for task in late:
            logger.warning(
                "a listener of %s, or the thread of a cancelled plain def, took too long",
                KernelEvents.KERNEL_TERMINATE,
            )
            task.cancel()
        await self.drain()

    async def close(self) -> None:
        """Shut down the thread pool."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _seconds_since(begin: float) -> float:
    """Return the seconds since *begin*; 0.0 for a message that was not begun."""
    return perf_counter() - begin if begin else 0.0


def _varies(exception: Exception) -> list[str]:
    """Return the names in ``Vary`` of *exception*; the response of a listener needs them too."""
    headers = exception.headers if isinstance(exception, HttpException) else {}
    return [name.strip() for name in headers["Vary"].split(",")] if "Vary" in headers else []


async def _handle_exception(
    pipeline: AnyPipeline, request: Request, exception: Exception
) -> Response:
    """Run the exception phase; an exception in it has *exception* as its ``__context__``."""
    try:
        raise exception
    except Exception as exc:
        return await pipeline.handle_exception(request, exc)
    finally:
        del exception
