"""Makes the metadata of the routes of one endpoint, and of one ``router.py``."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from bundles.autoload.endpoints.actions import endpoint_action
from bundles.autoload.endpoints.application_users import ApplicationUsers
from bundles.autoload.endpoints.connections import METACOM, check_connections
from bundles.autoload.endpoints.contract_fields import check_fields
from bundles.autoload.endpoints.endpoint import Endpoint, Hook
from bundles.autoload.endpoints.router import VERBS, hook_action
from bundles.autoload.endpoints.taken import EMPTY, Taken
from bundles.contracts import Contract, ContractSchemas, Schema, Schemas, TypedSchema, contract
from bundles.contracts.schemas.nodes import Dictionary, Struct, resolved
from rxkernel import (
    ConfigurationError,
    HttpMetadata,
    ProcedureMetadata,
    RouteMetadata,
    Transport,
    WebSocketMetadata,
    options_of,
)

RoutesOf = Callable[[str], tuple[RouteMetadata, ...]]
"""Returns the routes for a name of the unit, with or without its version."""


def endpoint_routes(
    endpoint: Endpoint,
    options: Mapping[str, Any],
    schemas: Schemas,
    transports: Collection[Transport],
    source: str,
    users: ApplicationUsers | None,
) -> RoutesOf:
    """Return the function that makes the routes of *endpoint*.

    Args:
        schemas: the schemas to which its notations may refer.
        transports: all transports of the application.
        source: its place, for errors.
        users: the users of the bundle security.

    Raises:
        ConfigurationError: lists every error in its contract.
    """
    check_fields(endpoint.fields, transports)
    parameters, returns = _schemas_of(endpoint, schemas)
    if users is not None and (problems := [*users.problems_of(parameters)]):
        raise ConfigurationError(*problems)
    absent = _absent(parameters, endpoint.taken)
    action = endpoint_action(endpoint.function, endpoint.taken, absent)
    fields = {**endpoint.fields, "parameters": parameters}
    if returns is not None:
        fields["returns"] = returns
    all_options = {**options, **options_of(contract(**fields)(action))}
    served = _served(endpoint.fields.get("transports"), transports)
    check_connections(endpoint.taken, served, transports)

    def routes(unit: str) -> tuple[RouteMetadata, ...]:
        name = f"{unit}/{endpoint.method}"
        return tuple(_routes(endpoint, name, action, all_options, served, source))

    return routes


def hook_routes(
    hook: Hook, options: Mapping[str, Any], transports: Collection[Transport], source: str
) -> RoutesOf:
    """Return the function that makes the routes of *hook*; *source* is its place, for errors.

    Raises:
        ConfigurationError: lists every error in its contract.
    """
    check_fields(hook.fields, transports)
    below = hook_action(hook.function, hook.taken, has_rest=True)
    itself = hook_action(hook.function, hook.taken, has_rest=False)
    all_options = {**options, **options_of(contract(**hook.fields)(below))}

    def routes(unit: str) -> tuple[RouteMetadata, ...]:
        return tuple(
            HttpMetadata(
                hook, f"{verb} {unit}{name}", path, verb, action, all_options, source=source
            )
            for name, path, action in (
                (f"/{hook.method}", f"/api/{unit}/{{path:path}}", below),
                ("", f"/api/{unit}", itself),
            )
            for verb in VERBS
        )

    return routes


def _routes(
    endpoint: Endpoint,
    name: str,
    action: Any,
    options: Mapping[str, Any],
    served: set[str],
    source: str,
) -> Iterator[RouteMetadata]:
    if Transport.HTTP in served:
        path = f"/api/{name}"
        yield HttpMetadata(endpoint, name, path, "POST", action, options, source=source)
        if endpoint.is_safe:
            of_get = f"GET {name}"
            yield HttpMetadata(endpoint, of_get, path, "GET", action, options, source=source)
    if Transport.SOCKET in served:
        yield WebSocketMetadata(endpoint, name, action=action, options=options, source=source)
    if METACOM in served:
        yield ProcedureMetadata(
            endpoint, name, action, METACOM, options, arguments="value", source=source
        )


def _served(given: Any, transports: Collection[Transport]) -> set[str]:
    """Return the names of the transports. Wrong ones are reported with the contract."""
    if given is None:
        return {
            str(one) for one in (Transport.HTTP, Transport.SOCKET, METACOM) if one in transports
        }
    return {given} if isinstance(given, str) else set(given)


def _schemas_of(endpoint: Endpoint, schemas: Schemas) -> tuple[Schema, Schema | None]:
    """Return the schema of the arguments, and the schema of the result or None."""
    fields = endpoint.fields
    notations = Contract(parameters=fields.get("parameters"), returns=fields.get("returns"))
    found = ContractSchemas.of(notations, schemas)
    parameters = found.parameters or _schema_of_signature(endpoint.taken, schemas)
    return parameters, found.returns


def _schema_of_signature(taken: Taken, schemas: Schemas) -> Schema:
    if taken.rest is not None:
        return schemas.compile("object", "parameters")
    types = {
        name: Any if parameter.annotation is EMPTY else parameter.annotation
        for name, parameter in taken.arguments.items()
    }
    defaults = {n: p.default for n, p in taken.arguments.items() if p.default is not EMPTY}
    try:
        return TypedSchema.of(types, defaults)
    except ConfigurationError as error:
        raise ConfigurationError(*(f"argument {each}" for each in error.problems)) from error


def _absent(parameters: Schema, taken: Taken) -> list[str]:
    """Return the optional arguments of the schema that have no default in the function.

    Raises:
        ConfigurationError: the schema and the function have different arguments.
    """
    node = resolved(parameters.node)
    if isinstance(node, Dictionary) and taken.rest is not None and not taken.arguments:
        return []
    if not isinstance(node, Struct):
        raise ConfigurationError(
            "parameters is not an object with fields, but arguments are passed by name; write "
            "{'name': …}, or take **arguments for an object with any names"
        )
    problems = [
        f"parameters has no {name!r}, which the function takes; add it, or give it a default"
        for name in taken.required
        if name not in node.fields
    ]
    if taken.rest is None:
        extra = [name for name in node.fields if name not in taken.arguments]
        problems += (
            f"parameters has {name!r}, which the function does not take; {_advice(name)}"
            for name in extra
        )
        if node.other is not None:
            problems.append("parameters allows further names; take **rest too")
    problems += (
        f"parameters has {name!r}, which is a parameter that no client sends; rename one of them"
        for name in node.fields
        if name in taken.provided
    )
    if problems:
        raise ConfigurationError(*problems)
    return [name for name in taken.required if not node.fields[name].is_required]


def _advice(name: str) -> str:
    """Return the hint for a field that the function does not take."""
    plain = name.strip("?")
    if name.startswith("?") and plain.isidentifier():
        return f"for an optional field write '{plain}?': 'type' or '{plain}': '?type'"
    if not name.isidentifier():
        return "it cannot be the name of a parameter; take **rest, or rename it"
    return "add it, or **rest"
