"""Compiles routes into definitions and answers requests with them, whatever the transport."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, TypeVar

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import HttpException
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.compiler import Compiler
from rxkernel.kernel.container import Container, EmptyContainer
from rxkernel.kernel.contexts import context_of, current_context, start
from rxkernel.kernel.deadline import TimedPipeline
from rxkernel.kernel.errors import error_response, failure_of, log_failure
from rxkernel.kernel.events import CompiledEvent, KernelEvents
from rxkernel.kernel.links import NoSite, Site, SiteLinks
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.propagator import Extract
from rxkernel.kernel.route import Handle
from rxkernel.kernel.scope_exit import close_request_scope, exit_after_failure
from rxkernel.kernel.scopes import current_request
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

logger = logging.getLogger(__name__)

T = TypeVar("T")

AnyPipeline = Pipeline | DefinitionPipeline
"""The pipeline of a definition, or that of messages which match none."""


class Kernel:
    """The definitions of one application, and the way through them.

    Transports call `begin` when a message has come, find its definition in `compiled`, call
    `answer`, and `terminate` once the response has left; all in the context of the message.

    Attributes:
        compiled: all definitions; another object after each reload, itself immutable.
        extract: what reads the trace context of a message, see `Propagator`; None: nothing does.

    Args:
        controllers: the instances by class, built once at boot.
        threads: how many plain ``def`` actions may run at a time.
        container: where actions get their services from; without it there are none.
        request_timeout: seconds within which a message must be answered, see `TimedRoute`.
        options: the keys of options that something reads; None accepts any.
        transports: those of bundles.
        kinds: the parameters that paths may have, see `own_kinds`.
        site: where clients find the application.
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
        site: Site | None = None,
    ) -> None:
        self.debug = debug
        site = NoSite() if site is None else site
        self.compiled = Compiled.of((), transports, site.host_of)
        self._links = SiteLinks(site, lambda: self.http_definitions)
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
        """Make a definition of each route, and serve them; the order of *routes* is theirs.

        Raises:
            ConfigurationError: with every problem found, see `Compiler.compile`.
        """
        compiled = await self.compiler.compile(tuple(routes), self._controllers, self.compiled)
        return self.install(compiled)

    def install(self, compiled: Compiled) -> CompiledEvent:
        """Serve *compiled* from now on; what is in flight ends with what it began with."""
        before, self.compiled = self.compiled, compiled
        return CompiledEvent.between(before, compiled)

    def begin(self, request: Request) -> None:
        """A message has been received, and the current context is its own from now on.

        The clock of `TerminateEvent.duration` starts, and the trace context is extracted from
        the headers. `answer` follows, or `fail`.
        """
        request.received_at = perf_counter()
        current_request.set(request)
        if self.extract is not None:
            self.extract(request.headers)

    async def answer(self, definition: Definition, request: Request) -> Response:
        """The response to *request*, always: what nobody answered is the standard error.

        Only the cancellation of the caller's own task passes.
        """
        try:
            return await definition.pipeline.handle(request, ends_scope=False)
        except BaseException as exc:
            return await self.recover(definition, request, exc)

    def handle_of(self, definition: HttpDefinition) -> Handle:
        """What `answer` awaits, for who spares itself that: called with a message and False,
        and whatever it raises is given to `recover`."""
        return definition.pipeline.handle

    async def recover(
        self, definition: Definition, request: Request, exc: BaseException
    ) -> Response:
        """The standard answer to what was raised by the way of *definition*.

        Raises:
            asyncio.CancelledError: *exc* is the cancellation of the caller's own task.
        """
        return await self._standard(definition.pipeline, request, failure_of(exc))

    async def fail(self, request: Request, exception: Exception) -> Response:
        """The response to a request that reached no action, or whose response cannot be sent.

        Context managers that are still open are left with *exception*, then the exception and
        response phases run.
        """
        request.links = self._links
        request.service_source = self._container
        pipeline, varies = self._pipeline(request), _varies(exception)
        token = current_request.set(request)
        try:
            if request.services is not None:
                exception = await exit_after_failure(request, request.services, exception)
            response = await _rescued(pipeline, request, exception)
        except BaseException as exc:
            response = await self._standard(pipeline, request, failure_of(exc))
        finally:
            del exception  # its traceback holds this frame
            current_request.reset(token)
        if varies:
            vary(response.headers, *varies)
        return response

    async def respond(self, request: Request, response: Response) -> Response:
        """The response phase for an answer that the transport itself gives."""
        request.links = self._links
        request.service_source = self._container
        try:
            return await self._unmatched.respond(request, response)
        except BaseException as exc:
            return await self.fail(request, failure_of(exc))

    async def encoded(
        self, request: Request, response: Response, encode: Callable[[Response], T]
    ) -> tuple[Response, T]:
        """*response* and what *encode* returns for it; for a transport that has to encode it.

        Where *encode* raises, because of a content that the protocol cannot carry, both are those
        of an error response, which has been through the exception and response phases.
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
            response = error_response(exc, debug=self.debug)
            return response, encode(response)

    async def _standard(
        self, pipeline: AnyPipeline, request: Request, exception: Exception
    ) -> Response:
        token = current_request.set(request)
        try:
            log_failure(request, exception)
            return await pipeline.respond(request, error_response(exception, debug=self.debug))
        except BaseException as exc:
            failure = failure_of(exc)
            log_failure(request, failure)
            return error_response(failure, debug=self.debug)
        finally:
            current_request.reset(token)

    def _pipeline(self, request: Request) -> AnyPipeline:
        definition: Definition | None = request.definition
        return self._unmatched if definition is None else definition.pipeline

    def terminate(
        self,
        request: Request,
        response: Response | None,
        *,
        size: int | None = None,
        failure: BaseException | None = None,
        task: "asyncio.Task[Any] | None" = None,
    ) -> None:
        """Run the terminate phase and end the scope of the message.

        Both run behind the caller, in the context of *task*, which has handled the message: by
        default the current one.

        Args:
            response: the one that has been sent, or was to be sent to a client that has left.
                None where the message was cancelled before it had one: only the scope ends.
            size: that of the body or packet, see `TerminateEvent`; None unless all was sent.
            failure: why a stream was not sent to its end. Its context managers, which are still
                open, are left with it.
        """
        definition: Definition | None = request.definition
        is_heard = definition is not None and definition.pipeline.has_finishers
        if request.services or (is_heard and response is not None):
            began = request.received_at
            duration = perf_counter() - began if began else 0.0
            context = current_context() if task is None else context_of(task)
            finishing = start(self._finish(request, response, duration, size, failure), context)
            self._background.add(finishing)
            finishing.add_done_callback(self._background.discard)
        elif request.services is None:
            request.services = CLOSED
        else:
            request.services.is_closed = True

    async def _finish(
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
                await definition.pipeline.finish(request, response, duration, size)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            failure = failure_of(exc)
            logger.error(
                "a listener of %s failed", KernelEvents.KERNEL_TERMINATE, exc_info=failure
            )
        finally:
            await close_request_scope(request, failure)

    async def settle(self, timeout: float | None = None) -> None:
        """Wait for what `terminate` began; what takes longer than *timeout* is cancelled."""
        if not self._background:
            return
        _, late = await asyncio.wait(self._background, timeout=timeout)
        for task in late:
            logger.warning(
                "a listener of %s, or a plain def past its deadline, took too long",
                KernelEvents.KERNEL_TERMINATE,
            )
            task.cancel()
        await self.settle()

    async def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _varies(exception: Exception) -> list[str]:
    """The headers in ``Vary`` of *exception*, which hold for any answer to it."""
    headers = exception.headers if isinstance(exception, HttpException) else {}
    return [name.strip() for name in headers["Vary"].split(",")] if "Vary" in headers else []


async def _rescued(pipeline: AnyPipeline, request: Request, exception: Exception) -> Response:
    """The exception phase, with *exception* as the context of whatever it raises."""
    try:
        raise exception
    except Exception as exc:
        return await pipeline.rescue(request, exc)
    finally:
        del exception
