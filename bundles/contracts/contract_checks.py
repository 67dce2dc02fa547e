"""Finds what cannot work in a contract."""

from collections.abc import Collection, Iterator

from bundles.contracts.checks import is_number
from bundles.contracts.contract import Contract
from bundles.contracts.domain_error import is_code
from bundles.contracts.queue import Queue
from bundles.contracts.unset import UNSET
from rxkernel import Signature, Transport


def problems_of(
    contract: Contract, signature: Signature, transports: Collection[Transport]
) -> Iterator[str]:
    """Yield each problem of *contract* for an action with *signature*; *transports* are those that
    exist."""
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
    yield from _wrong_errors(contract)
    yield from _wrong_transports(contract, transports)
    if contract.parameters is not None and (signature.takes_bytes or signature.is_streamed):
        yield (
            "parameters cannot be checked, since the action takes the body as bytes or as a "
            "stream; remove the key"
        )


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
        yield "transports is empty, so nothing would serve the route; name one, or remove the key"
    for unknown in [name for name in contract.transports if name not in transports]:
        known = ", ".join(transports)
        yield f"transports has {str(unknown)!r}, which does not exist; there is: {known}"
