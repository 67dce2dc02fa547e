"""Runs a call or an event as a message with its listeners, in the task of the caller."""

from collections.abc import Mapping
from time import perf_counter
from types import CoroutineType
from typing import Any

from injector import inject
from multidict import CIMultiDict, CIMultiDictProxy

from bundles.gateway.broker.action_stream import ActionStream
from bundles.gateway.broker.context import Context
from bundles.gateway.exceptions import MoleculerError
from rxkernel import (
    HttpException,
    Kernel,
    ProcedureDefinition,
    Request,
    Response,
    StreamNotSupportedException,
    StreamResponse,
    Transport,
)

NO_HEADERS = CIMultiDictProxy(CIMultiDict[str]())


def new_request(
    transport: Transport,
    name: str,
    params: Any,
    origin: Request | None,
    context: Context | None = None,
) -> Request:
    """Return the message of *context*, with the identity of *origin*, the current message."""
    fields = params if isinstance(params, dict) else None
    if origin is None:
        return Request(transport, NO_HEADERS, fields, params, url=name, native=context)
    return Request(
        transport,
        NO_HEADERS,
        fields,
        params,
        url=name,
        native=context,
        token=origin.token,
        connection=origin.connection,
        client=origin.client,
        id=origin.id,
    )


class Messages:
    @inject
    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def run(self, definition: ProcedureDefinition, context: Context) -> Any:
        """Run *definition* with the request of *context*, and return the content of the response:
        an `ActionStream` for a `StreamResponse`.

        After that, or at the end of the stream, the services of the message are closed, its
        terminate listeners run, and *context* has ended.

        Raises:
            Exception: the exception of the pipeline, or a `MoleculerError` for a response with an
                error status.
            StreamNotSupportedException: the response is a file or an event stream.
        """
        request = context.request
        pipeline = definition.pipeline
        has_listeners = pipeline.has_terminate_listeners
        if has_listeners:
            request.received_at = perf_counter()
        try:
            response = await pipeline.handle(request)
            if response.is_streamed and response.status_code < 400:
                return await self._stream_of(request, response, definition.name)
            if has_listeners or request.services is not None:
                await self._kernel.finish(request, response)
            else:
                self._kernel.terminate(request, response)  # only marks it as ended
        except BaseException as exc:
            await self._kernel.finish(request, _failed(exc) if has_listeners else None, exc)
            raise
        finally:
            if context.sharing is not None:
                context.end()
            request.native = None  # breaks a reference cycle: the context refers to the request
        content = response.content
        if response.status_code >= 400 or type(content) is CoroutineType:
            raise await _refused(response, definition.name)
        return content

    async def _stream_of(self, request: Request, response: Response, name: str) -> ActionStream:
        """Return the pieces of *response*. The message ends with them."""
        if not isinstance(response, StreamResponse):
            await _close(response)
            raise StreamNotSupportedException(
                f"the action {name!r} returned a file or an event stream; return its content, or "
                f"a StreamResponse"
            )

        async def end(failure: BaseException | None) -> None:
            await self._kernel.finish(request, response, failure)

        return ActionStream(response.content, end)


def _failed(exc: BaseException) -> Response | None:
    """Return the response for terminate listeners after *exc*; None if the call was cancelled."""
    if not isinstance(exc, Exception):
        return None
    status = exc.status_code if isinstance(exc, HttpException) else 500
    message = exc.message if isinstance(exc, HttpException) else "Internal Server Error"
    return Response({"statusCode": status, "message": message}, status)


async def _refused(response: Response, name: str) -> Exception:
    """Return the exception for a *response* of the action *name* that cannot be returned."""
    content = response.content
    if isinstance(content, CoroutineType):
        content.close()
        return TypeError(f"the action {name!r} returned a coroutine; await it in the action")
    await _close(response)
    body = content if isinstance(content, Mapping) else {}
    message, code = body.get("message"), body.get("code")
    return MoleculerError(
        message if isinstance(message, str) else None,
        response.status_code,
        code if isinstance(code, str) else None,
        body.get("errors"),
    )


async def _close(response: Response) -> None:
    close = getattr(response.content, "aclose", None) if response.is_streamed else None
    if close is not None:
        await close()
