"""The private uses of aiohttp, most of its parser and of its handler of connections."""

import asyncio
import inspect
from typing import Any

import aiohttp
from aiohttp import StreamReader, http, http_exceptions, web
from aiohttp.abc import AbstractAccessLogger, AbstractStreamWriter
from aiohttp.test_utils import make_mocked_request
from aiohttp.web_urldispatcher import PrefixedSubAppResource

from tests.private_uses.private_use import PrivateUse, require

_SERVER = "servers/aiohttp/server.py"
_ACCESS_LOG = "servers/aiohttp/connection/access_log.py"
_CONNECTION = "servers/aiohttp/connection/protocol.py"
_REGISTRY = "servers/aiohttp/connection/registry.py"
_HANDLER = "servers/aiohttp/connection/request_handler.py"
_BODY_READER = "servers/aiohttp/request/body_reader.py"
_DECOMPRESSED_BODY = "servers/aiohttp/request/decompressed_body.py"
_BODY_LOADER = "servers/aiohttp/request/body_loader.py"
_HOST_APPLICATION = "servers/aiohttp/host_application.py"
_MOUNTED_RESOURCE = "servers/aiohttp/mounted_resource.py"
_HTTPS_REDIRECT = "servers/aiohttp/redirect.py"
_AIOHTTP_PATH = "servers/aiohttp/aiohttp_path.py"
_NATIVE_PATHS = "servers/aiohttp/request/native_paths.py"
_ALREADY_SENT = "servers/aiohttp/connection/already_sent.py"
_MOVING = "servers/aiohttp/moving_connection.py"
_PIECES = "servers/aiohttp/connection/piecewise_parser.py"
_EXCHANGE = "servers/aiohttp/response/exchange.py"
_FILE = "servers/aiohttp/response/file.py"
_STREAM = "servers/aiohttp/response/stream.py"
_SENDER = "servers/aiohttp/response/sender.py"
_COMPATIBILITY = "servers/aiohttp/fast_path/compatibility.py"
_FAST_PATH = "servers/aiohttp/fast_path/fast_path.py"
_FRAMING = "servers/aiohttp/fast_path/framing.py"
_NATIVE_REQUEST = "servers/aiohttp/fast_path/native_request.py"
_PROTOCOL = "servers/aiohttp/fast_path/protocol.py"
_SOCKETIO = "servers/socketio/server.py"


async def _parsed() -> tuple[Any, StreamReader]:
    loop = asyncio.get_running_loop()
    parser = http.HttpRequestParser(
        aiohttp.base_protocol.BaseProtocol(loop),
        loop,
        1 << 30,
        payload_exception=web.RequestPayloadError,
    )
    messages, _, _ = parser.feed_data(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na")
    (message,) = messages
    return message


def _check_handler() -> None:
    async def check() -> None:
        server = web.Server(lambda _: _)  # type: ignore[arg-type,return-value] # not called
        handler = web.RequestHandler(server, loop=asyncio.get_running_loop())
        require(handler._max_msg_queue_size > 0)
        require(hasattr(handler._parser, "feed_data"))
        require(handler.access_logger is not None)

    asyncio.run(check())


def _check_total_bytes() -> None:
    _, payload = asyncio.run(_parsed())
    require(payload.total_bytes == 1)


def _check_payload() -> None:
    request, body = make_mocked_request("POST", "/"), object()
    request._payload = body  # type: ignore[assignment]
    require(request.content is body)


def _check_line_too_long() -> None:
    require(http_exceptions.LineTooLong("GET", 7).args[:2] == ("GET", 7))


_PARSED_FILES = (_FRAMING, _FAST_PATH, _COMPATIBILITY)

AIOHTTP = (
    # --- the parser
    PrivateUse(
        name="aiohttp.EMPTY_PAYLOAD",
        files=(_CONNECTION, _MOVING, _PIECES, _COMPATIBILITY, _FRAMING, _PROTOCOL),
        why="the payload of a message without a body is this object",
    ),
    PrivateUse(
        name="aiohttp.base_protocol.BaseProtocol",
        files=(_FRAMING, _DECOMPRESSED_BODY),
        why="the parser and a StreamReader need a protocol",
        accepts=lambda signature: signature.bind("loop"),
    ),
    PrivateUse(
        name="aiohttp.http.HttpRequestParser",
        files=(_FRAMING,),
        why="the fast path reads messages with the parser of aiohttp",
        check=lambda: asyncio.run(_parsed()),
    ),
    *(
        PrivateUse(
            name=f"aiohttp.http.RawRequestMessage.{name}",
            files=files,
            why="what the parser has found in a head",
            spelled=(f"parsed.{name}",),
        )
        for name, files in {
            "chunked": (_FRAMING,),
            "headers": (_FRAMING,),
            "method": (_FRAMING,),
            "path": (_FRAMING,),
            "should_close": _PARSED_FILES,
            "upgrade": (_FRAMING,),
            "url": (_FRAMING,),
            "version": (_FRAMING,),
        }.items()
    ),
    PrivateUse(
        name="aiohttp.http.SERVER_SOFTWARE",
        files=(_REGISTRY, _SERVER),
        why="all responses have the header Server that aiohttp sends",
    ),
    *(
        PrivateUse(
            name=f"aiohttp.http_exceptions.{name}",
            files=files,
            why="the reason why a message cannot be parsed",
        )
        for name, files in {
            "BadHttpMethod": (_HANDLER,),
            "BadStatusLine": (_HANDLER,),
            "HttpProcessingError": (_HANDLER, _PIECES, _FRAMING),
            "InvalidURLError": (_HANDLER,),
        }.items()
    ),
    PrivateUse(
        name="aiohttp.http_exceptions.LineTooLong",
        files=(_HANDLER,),
        why="the first argument is a bytearray for a target; the second one is the limit",
        check=_check_line_too_long,
    ),
    # --- the handler of a connection
    PrivateUse(
        name="aiohttp.web.RequestHandler",
        files=(_HANDLER, _COMPATIBILITY, _FAST_PATH, _NATIVE_REQUEST, _PROTOCOL),
        why="subclass, behind the protocol of rxkernel",
        spelled=("web.RequestHandler",),
        accepts=lambda signature: signature.bind(
            "server",
            loop=None,
            keepalive_timeout=1.0,
            access_log=None,
            access_log_class=None,
            lingering_time=1.0,
        ),
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler._handle_request",
        files=(_ACCESS_LOG,),
        why="overridden: a finer clock for the access log",
        parameters=("self", "request", "start_time", "request_handler"),
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler.log_access",
        files=(_ACCESS_LOG,),
        why="overridden: a finer clock for the access log",
        spelled=("super().log_access",),
        parameters=("self", "request", "response", "time"),
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler.access_logger",
        files=(_ACCESS_LOG,),
        why="read by the override of log_access",
        spelled=("self.access_logger",),
        check=_check_handler,
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler.handle_error",
        files=(_HANDLER,),
        why="overridden: the response to a malformed message",
        parameters=("self", "request", "status", "exc", "message"),
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler.log_exception",
        files=(_HANDLER,),
        why="overridden: a send timeout is counted instead of logged",
        parameters=("self", "args", "kw"),
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler._parser",
        files=(_HANDLER,),
        why="replaced: a parser that keeps the messages before an error",
        spelled=(),
        check=_check_handler,
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler.data_received",
        files=(_HANDLER,),
        why="overridden: queues an error behind the messages before it",
        spelled=(),
        parameters=("self", "data"),
    ),
    PrivateUse(
        name="aiohttp.web.RequestHandler._max_msg_queue_size",
        files=(_HANDLER,),
        why="the number of messages at which the handler stops reading",
        check=_check_handler,
    ),
    # --- requests
    PrivateUse(
        name="aiohttp.web.Request.__init__",
        files=(_NATIVE_REQUEST,),
        why="aiohttp's request for a message that the fast path handles",
        spelled=(),
        accepts=lambda signature: signature.bind(
            "self", "message", "payload", "handler", "writer", "task", "loop", client_max_size=1
        ),
    ),
    PrivateUse(
        name="aiohttp.web.Request._match_info",
        files=(_ACCESS_LOG, _NATIVE_REQUEST),
        why="the route that the dispatcher would have set; match_info fails without one",
    ),
    PrivateUse(
        name="aiohttp.web.UrlMappingMatchInfo.__init__",
        files=(_NATIVE_REQUEST,),
        why="the route of a request that the dispatcher has not seen",
        spelled=("web.UrlMappingMatchInfo",),
        parameters=("self", "match_dict", "route"),
    ),
    PrivateUse(
        name="aiohttp.web.UrlMappingMatchInfo.add_app",
        files=(_NATIVE_REQUEST, _MOUNTED_RESOURCE),
        why="sets Request.app, and the applications whose middlewares run",
        parameters=("self", "app"),
    ),
    PrivateUse(
        name="aiohttp.web.Request.protocol",
        files=(_CONNECTION,),
        why="from a request to its connection",
        spelled=("native.protocol",),
    ),
    PrivateUse(
        name="aiohttp.web.Request.writer",
        files=(_AIOHTTP_PATH, _BODY_READER, _SENDER, _COMPATIBILITY, _FAST_PATH),
        why="100 Continue, and whether the action has sent a response by itself",
        spelled=("native.writer", "made.writer", "cached_native.writer"),
    ),
    PrivateUse(
        name="aiohttp.web.RequestPayloadError",
        files=(_AIOHTTP_PATH, _BODY_LOADER, _BODY_READER, _DECOMPRESSED_BODY, _PIECES, _FRAMING),
        why="a body that cannot be read, or is not read to its end",
    ),
    PrivateUse(
        name="aiohttp.web.PayloadAccessError",
        files=(_BODY_READER,),
        why="a body that is read after the response",
    ),
    PrivateUse(
        name="aiohttp.StreamReader.feed_eof",
        files=(_CONNECTION, _PIECES, _BODY_READER, _DECOMPRESSED_BODY),
        why="ends a body that will not be read to its end, or has been decompressed",
        parameters=("self",),
    ),
    PrivateUse(
        name="aiohttp.StreamReader.set_exception",
        files=(_BODY_READER, _DECOMPRESSED_BODY, _PIECES),
        why="ends a body that will not be read to its end, or cannot be decompressed",
        spelled=("body.set_exception", "self.set_exception"),
        accepts=lambda signature: signature.bind("self", ValueError()),
    ),
    PrivateUse(
        name="aiohttp.StreamReader.total_bytes",
        files=(_BODY_READER, _FRAMING),
        why="whether a part of the body has arrived",
        check=_check_total_bytes,
    ),
    PrivateUse(
        name="aiohttp.web.Request._payload",
        files=(_DECOMPRESSED_BODY,),
        why="a compressed body is replaced by the decompressed one, which all methods then read",
        spelled=("native._payload",),
        check=_check_payload,
    ),
    PrivateUse(
        name="aiohttp.StreamReader._wait",
        files=(_DECOMPRESSED_BODY,),
        why="overridden: all methods that read call it while the buffer is empty",
        spelled=(),
        parameters=("self", "func_name"),
    ),
    PrivateUse(
        name="aiohttp.StreamReader.feed_data",
        files=(_DECOMPRESSED_BODY,),
        why="adds a decompressed piece",
        spelled=("self.feed_data",),
        accepts=lambda signature: signature.bind("self", b""),
    ),
    # --- responses
    PrivateUse(
        name="aiohttp.http.StreamWriter",
        files=(_NATIVE_REQUEST,),
        why="the writer of a request that aiohttp has not made",
        spelled=("http.StreamWriter",),
        accepts=lambda signature: signature.bind("handler", "loop"),
    ),
    PrivateUse(
        name="aiohttp.abc.AbstractStreamWriter",
        files=(_ALREADY_SENT, _STREAM),
        why="what StreamResponse.prepare returns; also writes 100 Continue",
        check=lambda: inspect.signature(AbstractStreamWriter.write).bind("self", b""),
    ),
    PrivateUse(
        name="aiohttp.abc.AbstractStreamWriter.drain",
        files=(_STREAM, _FILE),
        why="streams wait for slow clients",
        spelled=("writer.drain", "_writer.drain"),
        parameters=("self",),
    ),
    PrivateUse(
        name="aiohttp.abc.AbstractStreamWriter.output_size",
        files=(_AIOHTTP_PATH, _BODY_READER, _SENDER, _COMPATIBILITY, _FAST_PATH),
        why="whether the action has sent a response by itself",
    ),
    PrivateUse(
        name="aiohttp.web.StreamResponse.body_length",
        files=(_ACCESS_LOG, _ALREADY_SENT, _EXCHANGE),
        why="the size in the access log and in terminate events",
    ),
    # --- the application
    PrivateUse(
        name="aiohttp.abc.AbstractAccessLogger.logger",
        files=(_ACCESS_LOG,),
        why="the adapter that is given as access_log",
        spelled=("self.logger",),
        check=lambda: require(_Logger(_LOG, "").logger is _LOG),
    ),
    PrivateUse(
        name="aiohttp.web.Application.middlewares",
        files=(_HTTPS_REDIRECT, _SERVER, _SOCKETIO, _HOST_APPLICATION),
        why="the first middleware sees every request",
        check=lambda: web.Application().middlewares.insert(0, _middleware),
    ),
    PrivateUse(
        name="aiohttp.typedefs.Handler",
        files=(_AIOHTTP_PATH, _HTTPS_REDIRECT, _SERVER, _NATIVE_PATHS, _HOST_APPLICATION),
        why="the type of a native handler",
        spelled=("aiohttp.typedefs.Handler",),
    ),
    PrivateUse(
        name="aiohttp.web_urldispatcher.MatchedSubAppResource",
        files=(_NATIVE_PATHS,),
        why="the paths of native routes, which leave the fast path",
    ),
    PrivateUse(
        name="aiohttp.web_urldispatcher.PrefixResource",
        files=(_NATIVE_PATHS, _MOUNTED_RESOURCE),
        why="the paths of native routes, which leave the fast path; the base of a mounted one",
    ),
    PrivateUse(
        name="aiohttp.web_urldispatcher.PrefixResource.canonical",
        files=(_MOUNTED_RESOURCE,),
        why="the path of a mounted application",
        spelled=(),
        check=lambda: require(PrefixedSubAppResource("/a", web.Application()).canonical == "/a"),
    ),
    PrivateUse(
        name="aiohttp.web_urldispatcher.PrefixedSubAppResource.resolve",
        files=(_MOUNTED_RESOURCE,),
        why="a mounted application has its own",
        spelled=(),
        parameters=("self", "request"),
    ),
    PrivateUse(
        name="aiohttp.web_urldispatcher.PrefixedSubAppResource.url_for",
        files=(_MOUNTED_RESOURCE,),
        why="a mounted application has its own",
        spelled=(),
        parameters=("self", "args", "kwargs"),
    ),
    PrivateUse(
        name="aiohttp.web_urldispatcher.PrefixedSubAppResource.get_info",
        files=(_MOUNTED_RESOURCE,),
        why="a mounted application has its own",
        spelled=(),
        parameters=("self",),
    ),
)


class _Logger(AbstractAccessLogger):
    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None: ...


_LOG: Any = object()


@web.middleware
async def _middleware(request: web.Request, handler: Any) -> Any: ...
