"""Compiles routes into definitions and answers requests with them, whatever the transport."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from rxkernel.events.dispatcher import AsyncEventDispatcher, is_async, run_listeners
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.actions import Provide, bind_action
from rxkernel.kernel.deadline import TimedPipeline, TimedRoute
from rxkernel.kernel.errors import error_response, failure_of, log_failure
from rxkernel.kernel.events import DefinitionEvent, KernelEvents
from rxkernel.kernel.pipeline import Pipeline
from rxkernel.kernel.route import Handle, Route
from rxkernel.kernel.scopes import current_request
from rxkernel.kernel.threads import end_scope
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.routing.definitions import (
    Definition,
    Definitions,
    HttpDefinition,
    WebSocketDefinition,
)
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.router import Router

logger = logging.getLogger(__name__)


class Kernel:
    """The definitions of one application, and the way through them.

    Transports use `http_router` or `websocket_definitions` to find a definition, then
    `answer`, and `terminate` once the answer has left.

    Args:
        controllers: the instances by class, built once at boot.
        threads: how many plain ``def`` actions may run at a time.
        provide: where actions get their services from; without it there are none.
        request_timeout: seconds within which a message must be answered, see `TimedRoute`.
    """

    def __init__(
        self,
        dispatcher: AsyncEventDispatcher,
        controllers: Mapping[type, object],
        *,
        threads: int = 8,
        provide: Provide | None = None,
        debug: bool = False,
        request_timeout: float | None = None,
    ) -> None:
        self.http_definitions: Definitions[HttpDefinition] = Definitions()
        self.websocket_definitions: Definitions[WebSocketDefinition] = Definitions()
        self.http_router: Router[HttpDefinition] = Router()
        self.debug = debug
        self._dispatcher = dispatcher
        self._controllers = controllers
        self._provide = _provide_none if provide is None else provide
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rxkernel-action")
        self._routes: dict[Definition, Route] = {}
        self._new_route: Callable[..., Route] = Route
        self._unmatched = Pipeline(dispatcher, None)
        if request_timeout is not None:
            self._new_route = partial(TimedRoute, seconds=request_timeout)
            self._unmatched = TimedPipeline(dispatcher, None, seconds=request_timeout)
        self._background: set[asyncio.Task[None]] = set()

    async def compile(self, routes: Iterable[RouteMetadata]) -> None:
        """Make a definition of each route; the order of *routes* is theirs.

        Raises:
            ConfigurationError: with every problem found: a controller that is not
                registered, an action that is not there, two routes for the same requests.
        """
        self.bind(routes)
        for route in self._routes.values():
            await self._offer(route)

    def bind(self, routes: Iterable[RouteMetadata]) -> None:
        """The part of `compile` that runs nobody's code."""
        errors: list[ConfigurationError] = []
        self._routes = {}
        self.http_router = Router()
        for metadata in routes:
            try:
                self._add(metadata)
            except ConfigurationError as error:
                errors.append(error)
        if errors:
            raise ConfigurationError.merge(errors)
        definitions = tuple(self._routes)
        self.http_definitions = Definitions(
            tuple(d for d in definitions if isinstance(d, HttpDefinition))
        )
        self.websocket_definitions = Definitions(
            tuple(d for d in definitions if isinstance(d, WebSocketDefinition))
        )

    def _add(self, metadata: RouteMetadata) -> None:
        controller = self._controllers.get(metadata.target)
        if controller is None:
            name = metadata.target.__qualname__
            raise ConfigurationError(
                f"route {metadata.key!r} belongs to {name}, which is no registered controller; "
                f"add it: Application(controllers=[{name}])"
            )
        action, signature = bind_action(controller, metadata, self._threads, self._provide)
        route = self._new_route(metadata, controller, action, signature, self._dispatcher)
        definition = route.definition
        if isinstance(definition, HttpDefinition):
            self.http_router.add(
                definition.method, definition.template, definition, definition.name
            )
        self._routes[definition] = route

    async def _offer(self, route: Route) -> None:
        """Let the listeners of `kernel.definition` wrap the action; ask every ``only``."""
        event = DefinitionEvent(route.definition, route.action)
        await run_listeners(route.on_definition.listeners(), event)
        if not is_async(event.action):
            raise ConfigurationError(
                f"what a listener of '{KernelEvents.KERNEL_DEFINITION}' wrapped around "
                f"{route.definition.name!r} is "
                f"{event.action!r}; a wrapper returns an async def that takes the request"
            )
        route.action = event.action
        route.warm()

    async def answer(self, definition: Definition, request: Request) -> Response:
        """The response to *request*, always: what nobody answered is the standard error.

        Only the cancellation of the caller's own task passes.
        """
        try:
            return await self._routes[definition].handle(request, ends_scope=False)
        except BaseException as exc:
            return await self.recover(definition, request, exc)

    def handle_of(self, definition: HttpDefinition) -> Handle:
        """What `answer` awaits, for who spares itself that: called with a message and False,
        and whatever it raises is given to `recover`."""
        return self._routes[definition].handle

    async def recover(
        self, definition: Definition, request: Request, exc: BaseException
    ) -> Response:
        """The standard answer to what was raised by the way of *definition*.

        Raises:
            asyncio.CancelledError: *exc* is the cancellation of the caller's own task.
        """
        return await self._standard(self._routes[definition], request, failure_of(exc))

    async def fail(self, request: Request, exception: Exception) -> Response:
        """The response to a request that reached no action: exception and response phases."""
        pipeline = self._pipeline(request)
        token = current_request.set(request)
        try:
            return await _rescued(pipeline, request, exception)
        except BaseException as exc:
            return await self._standard(pipeline, request, failure_of(exc))
        finally:
            del exception  # its traceback holds this frame
            current_request.reset(token)

    async def respond(self, request: Request, response: Response) -> Response:
        """The response phase for an answer that the transport itself gives."""
        try:
            return await self._unmatched.respond(request, response)
        except BaseException as exc:
            return await self.fail(request, failure_of(exc))

    async def _standard(
        self, pipeline: Pipeline, request: Request, exception: Exception
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

    def _pipeline(self, request: Request) -> Pipeline:
        return self._routes.get(request.definition, self._unmatched)

    def terminate(
        self, request: Request, response: Response | None, context: Context | None = None
    ) -> None:
        """The answer has left: run the terminate phase behind it, and end the message's scope.

        None stands for an answer that could not leave; then only the scope ends. All runs in a
        copy of *context*, that of the caller where there is none.
        """
        route = self._routes.get(request.definition)
        is_heard = route is not None and route.on_end.current != ()
        if request.services or (is_heard and response is not None):
            context = copy_context() if context is None else context.copy()
            task = asyncio.create_task(self._finish(request, response), context=context)
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _finish(self, request: Request, response: Response | None) -> None:
        current_request.set(request)
        route = self._routes.get(request.definition)
        try:
            if response is not None and route is not None:
                await route.finish(request, response)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            failure = failure_of(exc)
            logger.error(
                "a listener of %s failed", KernelEvents.KERNEL_TERMINATE, exc_info=failure
            )
        finally:
            await end_scope(request)

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


def _provide_none(service: Any, *, over_http: bool) -> Any:
    name = getattr(service, "__qualname__", str(service))
    raise ConfigurationError(f"asks for {name}, and this kernel has no services")


async def _rescued(pipeline: Pipeline, request: Request, exception: Exception) -> Response:
    """The exception phase, with *exception* as the context of whatever it raises."""
    try:
        raise exception
    except Exception as exc:
        return await pipeline.rescue(request, exc)
    finally:
        del exception
