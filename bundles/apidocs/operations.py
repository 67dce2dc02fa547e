"""The facts of a definition for both documents, read once from its signature, docstring and
options."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import attrs

from bundles.apidocs.contract_facts import ContractFacts
from bundles.apidocs.described_errors import DescribedErrors, raised_by, text_of
from bundles.apidocs.described_responses import DescribedResponses
from bundles.apidocs.docstrings import Docstring
from bundles.apidocs.documentation_facts import DocumentationFacts
from bundles.apidocs.inputs import BYTES, Inputs, inputs_of, opened
from bundles.contracts import UNSET, Contract, contract_of
from rxkernel import (
    Definition,
    HttpDefinition,
    HttpException,
    JsonSchemas,
    Returned,
    Source,
    WebSocketDefinition,
)

Security = list[dict[str, list[str]]]
"""Alternatives; each has the names of the required schemes, with the roles."""

_TYPED = (Source.PARAMS, Source.HEADER, Source.COOKIE, Source.BODY, Source.FILE)


@attrs.frozen(kw_only=True)
class Access:
    """The access rule of a definition: the credentials, a text, and the statuses of refusals."""

    security: Security
    rule: str
    statuses: tuple[int, ...]


AccessOf = Callable[[Definition], Access | None]
"""Returns the access rule of a definition; None without one."""


@attrs.frozen(kw_only=True)
class Operation:
    """A definition, described for both documents."""

    definition: Definition
    tag: str
    docstring: Docstring
    contract: Contract
    inputs: Inputs
    returned: Returned
    responses: DescribedResponses
    errors: DescribedErrors
    access: Access | None

    @property
    def summary(self) -> str:
        return self.contract.caption or self.docstring.summary

    @property
    def description(self) -> str:
        """The description, with the successor if the definition is deprecated."""
        texts = [self.contract.description or self.docstring.description]
        if isinstance(self.contract.deprecated, str):
            texts.append(f"Deprecated: {self.contract.deprecated}")
        return "\n\n".join(filter(None, texts))

    @property
    def is_deprecated(self) -> bool:
        return bool(self.contract.deprecated)


def operation_of(
    definition: Definition,
    schemas: JsonSchemas,
    access_of: AccessOf,
    contracts: ContractFacts | None,
    documentation: DocumentationFacts,
) -> Operation:
    """Describe *definition*. Without the bundle contracts, *contracts* is None."""
    docstring = Docstring.parse(definition.description)
    contract = contract_of(definition) or Contract()
    examples = tuple(e for e in contract.examples if e.runs_over(definition.transport))
    contract = attrs.evolve(contract, examples=examples)
    inputs = inputs_of(definition, schemas, docstring)
    returned = schemas.returned(definition.signature)
    if contracts is not None:
        inputs, returned = contracts.added(contract, definition, inputs, returned)
    inputs, returned, responses = documentation.added(definition, inputs, returned)
    if not _has_arguments(definition):
        inputs = opened(inputs, definition)
    access = access_of(definition)
    return Operation(
        definition=definition,
        tag=tag_of(definition),
        docstring=docstring,
        contract=contract,
        inputs=inputs,
        returned=returned,
        responses=responses,
        errors=_errors(definition, docstring, contract, inputs, returned, responses, access),
        access=access,
    )


def tag_of(definition: Definition) -> str:
    """Return the ``apidocs_tag`` of the target, which bundles set; without it, the name of the
    controller without "Controller" at the end."""
    target = definition.metadata.target
    if isinstance(tag := getattr(target, "apidocs_tag", None), str):
        return tag
    if isinstance(target, ModuleType):
        return target.__name__.rpartition(".")[2]
    name = definition.metadata.owner.__name__
    return name.removesuffix("Controller") or name


def _errors(
    definition: Definition,
    docstring: Docstring,
    contract: Contract,
    inputs: Inputs,
    returned: Returned,
    responses: DescribedResponses,
    access: Access | None,
) -> DescribedErrors:
    errors = DescribedErrors()
    for status in _of_input(definition, inputs):
        errors.add(status)
    for status in (*inputs.statuses, *(access.statuses if access else ())):
        errors.add(status)
    if contract.timeout is not UNSET and contract.timeout is not None:
        errors.add(408)
    if contract.queue is not UNSET and contract.queue is not None:
        errors.add(503)
    for cls in returned.exceptions:
        if any("status_code" in vars(base) for base in cls.__mro__ if base is not HttpException):
            errors.add(cls.status_code, text_of(cls))
    for status in responses.statuses:
        if status >= 400:
            errors.add(status)
    for status, text in raised_by(definition, docstring):
        errors.add(status, text)
    for code, text in contract.errors.items():
        errors.add_code(code, text)
    return errors


def _of_input(definition: Definition, inputs: Inputs) -> set[int]:
    """Return the statuses with which the kernel rejects messages before the action."""
    found = set()
    if isinstance(definition, HttpDefinition):
        kinds = definition.metadata.syntax.parameters.values()
        if any(kind not in ("str", "path") for kind in kinds):
            found.add(404)
        if inputs.body is not None:
            found |= {413} if inputs.body.media_types == (BYTES,) else {400, 413, 415}
    elif isinstance(definition, WebSocketDefinition):
        found.add(422)  # params must be an object
    if any(_may_be_rejected(parameter) for parameter in definition.signature.parameters):
        found.add(422)
    if _has_arguments(definition):
        found.add(422)
    return found


def _has_arguments(definition: Definition) -> bool:
    """Whether its contract describes all inputs of the action."""
    return definition.metadata.options.get("contract.parameters") is not None


def _may_be_rejected(parameter: Any) -> bool:
    return parameter.source in _TYPED and not parameter.is_converted
