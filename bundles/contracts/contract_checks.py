"""Finds the errors in a contract, at boot."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import get_origin
from uuid import UUID

from bundles.contracts.contract import Contract
from bundles.contracts.domain_error import is_code
from bundles.contracts.predicates import is_number, takes_one
from bundles.contracts.queue import Queue
from bundles.contracts.schemas import Schema
from bundles.contracts.schemas.nodes import Struct, resolved
from bundles.contracts.unset import UNSET
from rxkernel import Parameter, Signature, Source, Transport

_PLAIN = (str, int, float, bool, Decimal, datetime, date, time, timedelta, UUID)


def problems_of(
    contract: Contract, signature: Signature, transports: Collection[Transport]
) -> Iterator[str]:
    """Yield each error of *contract* for an action with *signature*; *transports* are all
    transports of the application."""
    yield from problems_of_contract(contract, transports)
    if contract.parameters is not None and (signature.takes_bytes or signature.is_streamed):
        yield (
            "parameters cannot be checked, since the action takes the body as bytes or as a "
            "stream; remove the key"
        )


def problems_of_contract(contract: Contract, transports: Collection[Transport]) -> Iterator[str]:
    """Yield each error of *contract* that does not depend on the action, except those of schemas
    and examples."""
    yield from _wrong_texts(contract)
    timeout = contract.timeout
    if not (timeout is UNSET or timeout is None or (is_number(timeout) and timeout > 0)):
        yield f"timeout is {timeout!r}; it must be seconds greater than 0, or None"
    queue = contract.queue
    if isinstance(queue, Queue):
        yield from queue.problems()
    elif not (queue is UNSET or queue is None):
        yield f"queue is {queue!r}; it must be a Queue(…), or None"
    if not isinstance(contract.cancel_on_disconnect, bool):
        yield f"cancel_on_disconnect is {contract.cancel_on_disconnect!r}; it must be a bool"
    if contract.validate is not None and not callable(contract.validate):
        yield f"validate is {contract.validate!r}; it must be a function that takes the arguments"
    elif contract.validate is not None and not takes_one(contract.validate):
        yield (
            f"validate is {contract.validate!r}; it must take one parameter, a dict of all "
            f"arguments"
        )
    yield from _wrong_errors(contract)
    yield from _wrong_transports(contract, transports)


def _wrong_texts(contract: Contract) -> Iterator[str]:
    texts = {"caption": contract.caption, "description": contract.description}
    for key, text in texts.items():
        if not isinstance(text, str):
            yield f"{key} is {text!r}; it must be a text"
    if not isinstance(contract.deprecated, bool | str):
        yield f"deprecated is {contract.deprecated!r}; it must be a bool, or a text"


def _wrong_errors(contract: Contract) -> Iterator[str]:
    for code, text in contract.errors.items():
        if not is_code(code):
            yield f"errors has the code {code!r}; it must be a word or a whole number"
        if not isinstance(text, str):
            yield f"errors has {text!r} for the code {code!r}; it must be a text"


def _wrong_transports(contract: Contract, transports: Collection[Transport]) -> Iterator[str]:
    if contract.transports is None:
        return
    if not contract.transports:
        yield "transports is empty, so the route would not be served; name one, or remove the key"
    for unknown in [name for name in contract.transports if name not in transports]:
        known = ", ".join(transports)
        yield f"transports has the unknown transport {str(unknown)!r}; the transports are: {known}"


def problems_of_arguments(parameters: Schema | None, signature: Signature) -> Iterator[str]:
    """Yield an error for each required parameter of an action that is not in the schema
    *parameters*."""
    node = None if parameters is None else resolved(parameters.node)
    if not isinstance(node, Struct) or node.other is not None:
        return
    for parameter in signature.parameters:
        if _is_plain(parameter) and parameter.key not in node.fields:
            yield (
                f"parameters has no {parameter.key!r}, so the parameter {parameter.name!r} of the "
                f"action never has a value; add it to the schema, or give it a default"
            )


def _is_plain(parameter: Parameter) -> bool:
    """Whether *parameter* is required and is one argument, not a class whose fields are
    arguments."""
    if parameter.source is Source.BODY:
        return bool(parameter.key) and parameter.is_required
    if parameter.source is not Source.PARAMS or not parameter.is_required:
        return False
    type_ = parameter.type
    return parameter.is_converted or type_ in _PLAIN or get_origin(type_) is list
