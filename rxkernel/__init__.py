"""rxkernel: one controller method, served over HTTP and over Socket.IO.

Import every public name from here; the modules that define them may change.
"""

from rxkernel.application.application import (
    Application,
    current_application,
)
from rxkernel.application.bundle import (
    Bundle,
    bundle_with_marker,
)
from rxkernel.application.events import (
    ApplicationEvents,
    BootstrapEvent,
    ReloadEvent,
    ShutdownEvent,
)
from rxkernel.application.recording import (
    ConnectionRefusedException,
    RecordingConnection,
)
from rxkernel.application.settings_changes import (
    SettingsChangedEvent,
)
from rxkernel.application.testing import (
    KernelClient,
)
from rxkernel.application.user_tokens import (
    UserTokens,
)
from rxkernel.events.dispatcher import (
    AsyncEventDispatcher,
)
from rxkernel.events.event import (
    Event,
)
from rxkernel.events.observe import (
    observe,
)
from rxkernel.exceptions import (
    BadGatewayException,
    BadRequestException,
    ConfigurationError,
    ConflictException,
    ExpectationFailedException,
    FailedDependencyException,
    ForbiddenException,
    GatewayTimeoutException,
    GoneException,
    HttpException,
    HttpVersionNotSupportedException,
    InsufficientStorageException,
    InternalServerErrorException,
    LengthRequiredException,
    LockedException,
    LoopDetectedException,
    MethodNotAllowedException,
    MisdirectedRequestException,
    NotAcceptableException,
    NotConnectedError,
    NotFoundException,
    NotImplementedException,
    PayloadTooLargeException,
    PaymentRequiredException,
    PreconditionFailedException,
    PreconditionRequiredException,
    ProxyAuthenticationRequiredException,
    RangeNotSatisfiableException,
    RequestHeaderFieldsTooLargeException,
    RequestTimeoutException,
    RxKernelError,
    ServiceUnavailableException,
    StreamNotSupportedException,
    TooManyRequestsException,
    UnauthorizedException,
    UnavailableForLegalReasonsException,
    UnprocessableEntityException,
    UnsupportedMediaTypeException,
    UpgradeRequiredException,
    URITooLongException,
    ValidationError,
)
from rxkernel.kernel.abandoned_threads import (
    abandoned_threads,
)
from rxkernel.kernel.binding.response_shape import (
    shape_of,
)
from rxkernel.kernel.binding.validator import (
    Validator,
)
from rxkernel.kernel.compiled import (
    Compiled,
)
from rxkernel.kernel.errors import (
    error_response,
)
from rxkernel.kernel.event_stream import encode_event
from rxkernel.kernel.events import (
    CompiledEvent,
    DefinitionEvent,
    ExceptionEvent,
    HeadEvent,
    KernelEvents,
    RequestEvent,
    ResponseEvent,
    TerminateEvent,
)
from rxkernel.kernel.garbage_collection import (
    paused_collection,
)
from rxkernel.kernel.json_schemas.json_schemas import (
    JsonSchemas,
)
from rxkernel.kernel.json_schemas.returned import (
    Returned,
)
from rxkernel.kernel.kernel import (
    Kernel,
)
from rxkernel.kernel.log_records import (
    RequestIdFilter,
)
from rxkernel.kernel.propagator import (
    Propagator,
)
from rxkernel.kernel.scopes import (
    ConnectionScope,
    RequestScope,
    connection_scope,
    current_request,
    request_scope,
)
from rxkernel.kernel.serialization import (
    Serializer,
    decode_json,
    encode_json,
)
from rxkernel.messages.broadcast_backend import BroadcastBackend
from rxkernel.messages.broadcaster import Broadcaster
from rxkernel.messages.connection import (
    ClientAddress,
    Connection,
)
from rxkernel.messages.connection_info import ConnectionInfo
from rxkernel.messages.connection_recovery import (
    ConnectionRecovery,
    ConnectionState,
    LogPosition,
    MissedEvent,
    MissedEvents,
)
from rxkernel.messages.input_errors import (
    InputErrorCode,
)
from rxkernel.messages.peers import PeerBackend, Peers
from rxkernel.messages.request import (
    Request,
    received_request,
)
from rxkernel.messages.response import (
    Acknowledgement,
    EncodedEvent,
    EventStreamResponse,
    FileResponse,
    RedirectResponse,
    Response,
    ServerSentEvent,
    StreamResponse,
    UpgradeResponse,
)
from rxkernel.messages.stored_response import (
    StoredHeaders,
    stored_response,
)
from rxkernel.messages.transport import (
    Transport,
)
from rxkernel.messages.upload import (
    UploadedFile,
)
from rxkernel.messages.vary import (
    vary,
)
from rxkernel.routing.bundle_option import (
    BundleOption,
)
from rxkernel.routing.converters import (
    Converter,
)
from rxkernel.routing.decorators import (
    all_options_of,
    both,
    controller,
    http,
    option,
    options_of,
    procedure,
    pushes,
    routes_of,
    websocket,
)
from rxkernel.routing.definitions import (
    Definition,
    Definitions,
    HttpDefinition,
    ProcedureDefinition,
    WebSocketDefinition,
)
from rxkernel.routing.documentation import DOCUMENTATION, Documentation, documentation_of
from rxkernel.routing.markers import (
    Body,
    Cookie,
    Header,
    Inject,
    Marker,
    Query,
)
from rxkernel.routing.metadata import (
    HttpMetadata,
    ProcedureMetadata,
    PushedEvent,
    RouteMetadata,
    WebSocketMetadata,
)
from rxkernel.routing.resolver import (
    Resolver,
)
from rxkernel.routing.return_markers import ReturnMarker, object_type
from rxkernel.routing.route_source import (
    RouteSource,
)
from rxkernel.routing.scalars import (
    Scalar,
    Scalars,
)
from rxkernel.routing.signature import (
    Parameter,
    Signature,
    Source,
)
from rxkernel.routing.storage import (
    HttpMetadataStorage,
    MetadataStorage,
    ProcedureMetadataStorage,
    WebSocketMetadataStorage,
)
from rxkernel.routing.type_info import (
    union_tag,
)
from rxkernel.routing.type_support import unreadable
from rxkernel.routing.union_tags import (
    UnionTag,
)
from rxkernel.routing.validated_by import (
    validated_by,
)
from rxkernel.servers.access_log import (
    level_for,
    log_access,
)
from rxkernel.servers.aiohttp.server import (
    HttpServer,
)
from rxkernel.servers.aiohttp.shared_port import (
    SharedPort,
)
from rxkernel.servers.aiohttp.websocket import (
    WebSocket,
)
from rxkernel.servers.connection_lifecycle import (
    ConnectionLifecycle,
)
from rxkernel.servers.disconnect_reason import (
    DisconnectReason,
)
from rxkernel.servers.events import (
    ConnectionEvent,
    ReadinessEvent,
    ServerConfigurationEvent,
    ServerEvent,
    ServerEvents,
)
from rxkernel.servers.http.accepts_html import (
    accepts_html,
)
from rxkernel.servers.http.files.file_cache import (
    FileCacheSettings,
)
from rxkernel.servers.http.files.slash_redirect import (
    slash_redirect,
)
from rxkernel.servers.http.files.static_files import (
    StaticFiles,
)
from rxkernel.servers.http.request_head import (
    RequestHead,
)
from rxkernel.servers.http.rewriting import (
    ListedRule,
    Rewrite,
    Rewriter,
)
from rxkernel.servers.limits import (
    LimitCounters,
    network_of,
)
from rxkernel.servers.local_backend import (
    LocalBackend,
)
from rxkernel.servers.managed_connection import (
    ManagedConnection,
)
from rxkernel.servers.manager import (
    ServerManager,
)
from rxkernel.servers.server import (
    Server,
    ServerStartError,
)
from rxkernel.servers.socketio.server import (
    SocketioServer,
)
from rxkernel.settings import (
    COUNT,
    COUNT_OR_0,
    SECONDS,
    SECONDS_OR_0,
    SIZE,
    SIZE_OR_0,
    SWITCH,
    TEXT,
    Allowed,
    CertificateFiles,
    HttpSettings,
    LoggingSettings,
    Settings,
    SocketioSettings,
    TlsSettings,
    WorkersSettings,
    seconds_between,
    whole_number,
)

__all__ = [
    "COUNT",
    "COUNT_OR_0",
    "DOCUMENTATION",
    "SECONDS",
    "SECONDS_OR_0",
    "SIZE",
    "SIZE_OR_0",
    "SWITCH",
    "TEXT",
    "Acknowledgement",
    "Allowed",
    "Application",
    "ApplicationEvents",
    "AsyncEventDispatcher",
    "BadGatewayException",
    "BadRequestException",
    "Body",
    "BootstrapEvent",
    "BroadcastBackend",
    "Broadcaster",
    "Bundle",
    "BundleOption",
    "CertificateFiles",
    "ClientAddress",
    "Compiled",
    "CompiledEvent",
    "ConfigurationError",
    "ConflictException",
    "Connection",
    "ConnectionEvent",
    "ConnectionInfo",
    "ConnectionLifecycle",
    "ConnectionRecovery",
    "ConnectionRefusedException",
    "ConnectionScope",
    "ConnectionState",
    "Converter",
    "Cookie",
    "Definition",
    "DefinitionEvent",
    "Definitions",
    "DisconnectReason",
    "Documentation",
    "EncodedEvent",
    "Event",
    "EventStreamResponse",
    "ExceptionEvent",
    "ExpectationFailedException",
    "FailedDependencyException",
    "FileCacheSettings",
    "FileResponse",
    "ForbiddenException",
    "GatewayTimeoutException",
    "GoneException",
    "HeadEvent",
    "Header",
    "HttpDefinition",
    "HttpException",
    "HttpMetadata",
    "HttpMetadataStorage",
    "HttpServer",
    "HttpSettings",
    "HttpVersionNotSupportedException",
    "Inject",
    "InputErrorCode",
    "InsufficientStorageException",
    "InternalServerErrorException",
    "JsonSchemas",
    "Kernel",
    "KernelClient",
    "KernelEvents",
    "LengthRequiredException",
    "LimitCounters",
    "ListedRule",
    "LocalBackend",
    "LockedException",
    "LogPosition",
    "LoggingSettings",
    "LoopDetectedException",
    "ManagedConnection",
    "Marker",
    "MetadataStorage",
    "MethodNotAllowedException",
    "MisdirectedRequestException",
    "MissedEvent",
    "MissedEvents",
    "NotAcceptableException",
    "NotConnectedError",
    "NotFoundException",
    "NotImplementedException",
    "Parameter",
    "PayloadTooLargeException",
    "PaymentRequiredException",
    "PeerBackend",
    "Peers",
    "PreconditionFailedException",
    "PreconditionRequiredException",
    "ProcedureDefinition",
    "ProcedureMetadata",
    "ProcedureMetadataStorage",
    "Propagator",
    "ProxyAuthenticationRequiredException",
    "PushedEvent",
    "Query",
    "RangeNotSatisfiableException",
    "ReadinessEvent",
    "RecordingConnection",
    "RedirectResponse",
    "ReloadEvent",
    "Request",
    "RequestEvent",
    "RequestHead",
    "RequestHeaderFieldsTooLargeException",
    "RequestIdFilter",
    "RequestScope",
    "RequestTimeoutException",
    "Resolver",
    "Response",
    "ResponseEvent",
    "ReturnMarker",
    "Returned",
    "Rewrite",
    "Rewriter",
    "RouteMetadata",
    "RouteSource",
    "RxKernelError",
    "Scalar",
    "Scalars",
    "Serializer",
    "Server",
    "ServerConfigurationEvent",
    "ServerEvent",
    "ServerEvents",
    "ServerManager",
    "ServerSentEvent",
    "ServerStartError",
    "ServiceUnavailableException",
    "Settings",
    "SettingsChangedEvent",
    "SharedPort",
    "ShutdownEvent",
    "Signature",
    "SocketioServer",
    "SocketioSettings",
    "Source",
    "StaticFiles",
    "StoredHeaders",
    "StreamNotSupportedException",
    "StreamResponse",
    "TerminateEvent",
    "TlsSettings",
    "TooManyRequestsException",
    "Transport",
    "URITooLongException",
    "UnauthorizedException",
    "UnavailableForLegalReasonsException",
    "UnionTag",
    "UnprocessableEntityException",
    "UnsupportedMediaTypeException",
    "UpgradeRequiredException",
    "UpgradeResponse",
    "UploadedFile",
    "UserTokens",
    "ValidationError",
    "Validator",
    "WebSocket",
    "WebSocketDefinition",
    "WebSocketMetadata",
    "WebSocketMetadataStorage",
    "WorkersSettings",
    "abandoned_threads",
    "accepts_html",
    "all_options_of",
    "both",
    "bundle_with_marker",
    "connection_scope",
    "controller",
    "current_application",
    "current_request",
    "decode_json",
    "documentation_of",
    "encode_event",
    "encode_json",
    "error_response",
    "http",
    "level_for",
    "log_access",
    "network_of",
    "object_type",
    "observe",
    "option",
    "options_of",
    "paused_collection",
    "procedure",
    "pushes",
    "received_request",
    "request_scope",
    "routes_of",
    "seconds_between",
    "shape_of",
    "slash_redirect",
    "stored_response",
    "union_tag",
    "unreadable",
    "validated_by",
    "vary",
    "websocket",
    "whole_number",
]
