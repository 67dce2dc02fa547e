"""A method of a remote service that is described by data."""

import logging
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Self

import attrs

from bundles.autoload.arguments_error import ArgumentsError
from bundles.autoload.remote.exceptions import (
    RemoteException,
    RemoteResponseException,
)
from bundles.autoload.remote.exchange import RemoteResponse
from bundles.autoload.remote.file_keys import FileKeys
from bundles.autoload.remote.request_template import RequestTemplate
from bundles.autoload.remote.retries import IDEMPOTENT_VERBS, Retries
from bundles.autoload.remote.service import Service
from bundles.autoload.remote.service_settings import RETRIES, TIMEOUT
from bundles.contracts import Schema, Schemas
from bundles.contracts.schemas.nodes import Struct, resolved
from rxkernel import (
    Allowed,
    BadRequestException,
    ConfigurationError,
    UnprocessableEntityException,
    decode_json,
)

logger = logging.getLogger(__name__)

_NONE: Mapping[str, Any] = MappingProxyType({})
_FORMATS = ("json", "text", "bytes")
_FORMAT = Allowed(f"one of {', '.join(map(repr, _FORMATS))}", (str,), _FORMATS.__contains__)


@attrs.frozen
class MethodSchemas:
    """The schemas of a method; None: not checked. *query* is for the arguments in the query."""

    parameters: Schema | None
    query: Schema | None
    returns: Schema | None


@attrs.frozen(eq=False, repr=False)
class RemoteMethod:
    """Calls a remote service: ``await method({"area": "Europe"})`` or ``await method(area=…)``."""

    name: str
    template: RequestTemplate
    schemas: MethodSchemas
    service: Service
    timeout: float
    retries: Retries
    format: str

    @classmethod
    def of(
        cls,
        values: Mapping[str, Any],
        *,
        name: str,
        service: Service,
        schemas: Schemas | None = None,
        own: Collection[str] | None = None,
    ) -> Self:
        """Build the method from the names of its file.

        Args:
            name: ``bus.world_time.current_time``, for errors and logs.
            schemas: the schemas to which ``parameters`` and ``returns`` may refer.
            own: the names that must be keys; None: all.

        Raises:
            ConfigurationError: lists every error of the file.
        """
        keys = FileKeys(values, own=own)
        settings = service.settings
        template = RequestTemplate.read(keys, settings.url)
        compiled = _compile(keys, template, schemas or Schemas())
        timeout = keys.take("timeout", TIMEOUT, settings.timeout)
        is_repeatable = template.verb in IDEMPOTENT_VERBS or "retries" in keys
        retries = Retries(
            keys.take("retries", RETRIES, settings.retries),
            settings.retry_delay,
            settings.max_retry_delay,
            is_repeatable,
        )
        format = keys.take("response", _FORMAT, "json")
        if keys.value("body") is not None:
            keys.reject("body", "belongs into method: {'post': 'path', 'body': […]}")
        keys.finish()
        if keys.problems:
            raise ConfigurationError(*keys.problems)
        return cls(name, template, compiled, service, timeout, retries, format)

    def __repr__(self) -> str:
        return f"<{self.name}, a {self.template.verb} of a remote service>"

    async def __call__(self, arguments: Mapping[str, Any] = _NONE, /, **named: Any) -> Any:
        """Call the remote method with *arguments*, or with arguments by name.

        Returns:
            The value of the response; None if its body is empty.

        Raises:
            ArgumentsError: an argument is missing, unknown or invalid; nothing was sent.
            RemoteException: the call failed.
        """
        if arguments and named:
            raise TypeError(f"{self.name}: pass one mapping, or arguments by name, not both")
        environment = self.service.environment
        values = environment.serializer.to_json_value({**arguments, **named})
        try:
            request = self.template.build(self._check(values), environment.serializer.encode_json)
        except UnprocessableEntityException as exc:
            raise ArgumentsError(self.name, exc.errors) from None
        try:
            response = await self.service.send(
                self.name, request, timeout=self.timeout, retries=self.retries
            )
            return self._result(response)
        except RemoteException as exc:
            logger.debug("%s", exc)  # the kernel logs the exception that an action raises
            raise

    def _check(self, arguments: dict[str, Any]) -> Mapping[str, Any]:
        """Check *arguments*, and return them converted."""
        schemas = self.schemas
        if schemas.parameters is None:
            self._check_names(arguments)
        else:
            converted = schemas.parameters.validate(arguments, "arguments")
            arguments = self.service.environment.serializer.to_json_value(converted)
        if schemas.query is not None:
            part = {name: v for name, v in arguments.items() if name in self.template.query}
            converted = schemas.query.validate(part, "arguments")
            checked = self.service.environment.serializer.to_json_value(converted)
            return {**arguments, **checked}
        return arguments

    def _check_names(self, arguments: Mapping[str, Any]) -> None:
        if unknown := arguments.keys() - self.template.arguments:
            errors = [
                {
                    "path": f"arguments.{name}",
                    "code": "unknown_field",
                    "message": f"{name} is not an argument of {self.name}",
                }
                for name in sorted(unknown)
            ]
            raise UnprocessableEntityException("validation failed; see errors", errors=errors)

    def _result(self, response: RemoteResponse) -> Any:
        result = self._decode(response)
        if self.schemas.returns is None:
            return result
        try:
            return self.schemas.returns.validate(result, "result")
        except UnprocessableEntityException as exc:
            problems = "; ".join(f"{entry['path']}: {entry['code']}" for entry in exc.errors[:10])
            problem = f"the response does not fit 'returns': {problems}"
            raise RemoteResponseException(self.name, problem) from None

    def _decode(self, response: RemoteResponse) -> Any:
        if self.format == "bytes":
            return response.body
        if self.format == "text":
            return response.text()
        if not response.body:
            return None
        try:
            return decode_json(response.body)
        except BadRequestException:
            problem = "the response is not valid JSON; see the key 'response' for other formats"
            raise RemoteResponseException(self.name, problem) from None


def _compile(keys: FileKeys, template: RequestTemplate, schemas: Schemas) -> MethodSchemas:
    def compiled(key: str, notation: Any) -> Schema | None:
        if notation is None:
            return None
        try:
            return schemas.compile(notation, key)
        except ConfigurationError as exc:
            keys.report(exc)
        return None

    parameters = compiled("parameters", keys.value("parameters"))
    if parameters is not None:
        _check_arguments(keys, parameters, template)
    return MethodSchemas(
        parameters,
        compiled("query.params", template.query_schema),
        compiled("returns", keys.value("returns")),
    )


def _check_arguments(keys: FileKeys, parameters: Schema, template: RequestTemplate) -> None:
    """Report fields of *parameters* that are not sent, and arguments that are not in
    *parameters*."""
    node = resolved(parameters.node)
    if not isinstance(node, Struct) or node.other is not None:
        return
    known = template.arguments
    for name in node.fields.keys() - known:
        keys.reject(f"parameters.{name}", "is not sent; name it in path, query or body")
    for name in sorted(known - node.fields.keys()):
        keys.reject("parameters", f"must have {name!r}, which path, query or body names")
