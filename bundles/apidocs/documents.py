"""Makes both documents, once for the current definitions of the kernel."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

import attrs
import msgspec
from injector import Injector, inject

from bundles.apidocs.asyncapi import channels_of
from bundles.apidocs.contract_facts import ContractFacts
from bundles.apidocs.documentation_facts import DocumentationFacts
from bundles.apidocs.openapi import paths_of
from bundles.apidocs.operations import Operation, operation_of
from bundles.apidocs.settings import ApidocsSettings
from bundles.contracts import Schemas
from rxkernel import (
    Compiled,
    ConfigurationError,
    Definition,
    HttpDefinition,
    JsonSchemas,
    Kernel,
    Settings,
    Transport,
    WebSocketDefinition,
    documentation_of,
)

Document = dict[str, Any]
D = TypeVar("D", bound=Definition)

_REFERENCE = "#/components/schemas/"


@attrs.frozen
class Names:
    """Other names of classes in documents, see ``ApidocsBundle(names=…)``."""

    by_class: Mapping[Any, str]


class Documents:
    """The documents of the application: ``documents.openapi`` and ``documents.asyncapi``.

    They are plain values, which are made at the first read, and again after a reload.
    """

    @inject
    def __init__(
        self,
        kernel: Kernel,
        settings: Settings,
        apidocs: ApidocsSettings,
        names: Names,
        injector: Injector,
    ) -> None:
        self._kernel = kernel
        self._settings = settings
        self._apidocs = apidocs
        self._names = names
        self._injector = injector
        self._made: tuple[Compiled, tuple[Document, Document]] | None = None

    @property
    def openapi(self) -> Document:
        """OpenAPI 3.1 of the HTTP routes.

        Raises:
            ConfigurationError: types cannot be described; it lists all of them.
        """
        return self.make()[0]

    @property
    def asyncapi(self) -> Document:
        """AsyncAPI 3.0 of the Socket.IO events. Raises: the errors of `openapi`."""
        return self.make()[1]

    def make(self) -> tuple[Document, Document]:
        """Return both documents. Raises: the errors of `openapi`.

        It may be called in a thread, even while a reload replaces the definitions.
        """
        compiled = self._kernel.compiled
        if self._made is None or self._made[0] is not compiled:
            self._made = compiled, self._make(compiled)
        return self._made[1]

    def _make(self, compiled: Compiled) -> tuple[Document, Document]:
        definitions: list[HttpDefinition] = _listed(compiled.definitions[Transport.HTTP])
        served: list[WebSocketDefinition] = _listed(compiled.definitions[Transport.SOCKET])
        events = [each for each in served if _has_one_value(each)]
        schemas = JsonSchemas(self._kernel.serializer.scalars, self._names.by_class)
        access = self._access_facts([*definitions, *events])
        describe = partial(
            operation_of,
            schemas=schemas,
            access_of=access.of,
            contracts=self._contract_facts(schemas),
            documentation=DocumentationFacts(schemas),
        )
        described = _described([*definitions, *events], describe)
        http = [each for each in described if isinstance(each.definition, HttpDefinition)]
        sockets = [each for each in described if isinstance(each.definition, WebSocketDefinition)]
        paths, responses = paths_of(http, schemas, self._settings.http.prefix)
        channels, operations = channels_of(sockets, _pushing(definitions, events), schemas)
        paths, responses = schemas.resolve(paths), schemas.resolve(responses)
        info = self._info()
        components = schemas.components
        openapi = {
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "info": info,
            "paths": paths,
            "components": {
                **_used(components, paths, responses),
                **({"responses": responses} if responses else {}),
                **({"securitySchemes": s} if (s := access.openapi_schemes) else {}),
            },
        }
        body = {
            "channels": _draft_07(schemas.resolve(channels)),
            "operations": schemas.resolve(operations),
        }
        asyncapi = {
            "asyncapi": "3.0.0",
            "info": info,
            "defaultContentType": "application/json",
            "servers": {"main": self._server()},
            **body,
            "components": {
                **_draft_07(_used(components, body)),
                **({"securitySchemes": s} if (s := access.asyncapi_schemes) else {}),
            },
        }
        return openapi, asyncapi

    def _info(self) -> Document:
        settings = self._apidocs
        found = {"title": settings.title, "version": settings.version}
        return {**found, "description": settings.description} if settings.description else found

    def _server(self) -> Document:
        http, socketio = self._settings.http, self._settings.socketio
        host = socketio.host if socketio.port is not None and socketio.host else http.host
        port = http.port if socketio.port is None else socketio.port
        return {
            "host": f"{host}:{port}",
            "protocol": "socket.io",
            "pathname": socketio.path,  # without http.prefix
            "description": (
                "Socket.IO 5 over Engine.IO 4. The argument of an event is the payload of its "
                "message; the argument of the acknowledgement is the payload of its reply."
            ),
        }

    def _contract_facts(self, schemas: JsonSchemas) -> ContractFacts | None:
        if not self._injector.binder.has_explicit_binding_for(Schemas):
            return None  # the bundle contracts is not enabled
        return ContractFacts(schemas, self._injector.get(Schemas))

    def _access_facts(self, definitions: Iterable[Definition]) -> Any:
        """Return the facts of the bundle security, which is imported only if it is enabled."""
        if any("access" in definition.options for definition in definitions):
            module = import_module("bundles.apidocs.security_facts")
            return self._injector.create_object(module.SecurityFacts)
        return _NO_ACCESS


@attrs.frozen
class _NoAccess:
    openapi_schemes: Document = attrs.field(factory=dict)
    asyncapi_schemes: Document = attrs.field(factory=dict)

    def of(self, definition: Definition) -> None:
        return None


_NO_ACCESS = _NoAccess()


class OwnController:
    """The base class of the controllers of this bundle."""

    __slots__ = ()


def is_own(definition: Definition) -> bool:
    """Whether *definition* is a route of this bundle."""
    return issubclass(definition.metadata.owner, OwnController)


def _listed(definitions: Iterable[D]) -> list[D]:
    """Return the *definitions* that are part of the API."""
    return [each for each in definitions if _is_listed(each)]


def _is_listed(definition: Definition) -> bool:
    if isinstance(definition, HttpDefinition) and not definition.metadata.routed:
        return False  # no client can request its path
    documentation = documentation_of(definition)
    return documentation is None or documentation.is_listed


def _described(
    definitions: Iterable[Definition], describe: Callable[[Definition], Operation]
) -> list[Operation]:
    found: list[Operation] = []
    problems: list[str] = []
    for definition in definitions:
        try:
            found.append(describe(definition))
        except (TypeError, ValueError, NameError, RecursionError) as exc:
            problems.append(
                f"route {definition.metadata.key!r} ({definition.metadata.place}) cannot be "
                f"described: {exc}"
            )
    if problems:
        raise ConfigurationError(*problems)
    return found


def _has_one_value(definition: WebSocketDefinition) -> bool:
    """Whether clients send one value: messages in AsyncAPI have one payload."""
    return definition.metadata.arguments != "list"


def _pushing(
    definitions: Iterable[Definition], events: Iterable[Definition]
) -> Iterator[Definition]:
    """Yield the definitions over HTTP that push events, without those that are also events."""
    shared = {(d.metadata.target, d.metadata.action) for d in events}
    for definition in definitions:
        metadata = definition.metadata
        if definition.pushes and (metadata.target, metadata.action) not in shared:
            yield definition


def _used(components: Document, *roots: Any) -> Document:
    """Return the schemas to which *roots* refer, directly or through other schemas."""
    names: set[str] = set()
    todo = list(roots)
    while todo:
        new = {name for root in todo for name in _references(root)} - names
        names |= new
        todo = [components[name] for name in new]
    found = {name: components[name] for name in sorted(names)}
    return {"schemas": found} if found else {}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            yield reference.removeprefix(_REFERENCE)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _draft_07(node: Any) -> Any:
    """Return *node* with tuples in the form of JSON Schema draft 7, which AsyncAPI uses."""
    if isinstance(node, list):
        return [_draft_07(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _draft_07(value) for key, value in node.items()}
    if isinstance(found.get("prefixItems"), list) and found.get("type") == "array":
        found["items"], found["additionalItems"] = found.pop("prefixItems"), found["items"]
    return found


def encoded(document: Document) -> bytes:
    """Return *document* as JSON; the same application gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
