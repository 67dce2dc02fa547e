"""Checks the arguments of all operations: ``path``, ``labels`` and ``transports``."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from bundles.resources.operations.facts import Facts, parameters_of
from bundles.resources.operations.operation import Operation
from rxkernel import Transport

_TRANSPORTS = (Transport.HTTP, Transport.SOCKET)


def problems_of_arguments(operation: Operation) -> Iterator[str]:
    """Yield each error in the arguments of *operation* that does not depend on its resource."""
    path: Any = operation.path_below
    if not isinstance(path, str) or (path and not path.startswith("/")):
        yield (
            f"its path is {path!r}; it must be a text that begins with /, such as '/{{id}}/fields'"
        )
    labels: Any = operation.labels
    if not is_list(labels) or not all(map(callable, labels)):
        yield f'its labels are {labels!r}; write a list of decorators: [access(roles="admin")]'
    transports: Any = operation.transports
    if not _are_transports(transports):
        yield (
            f"its transports are {transports!r}; write (Transport.HTTP,), (Transport.SOCKET,) or "
            f"both"
        )


def problems_of_key(operation: Operation, facts: Facts) -> Iterator[str]:
    """Yield an error unless the path of *operation* has ``{id}`` if, and only if, it takes the key
    of a row. Its other arguments must be valid."""
    if Transport.HTTP not in operation.transports:
        return
    path = operation.path_below
    takes_key = "id" in operation.parameters(facts, Transport.HTTP)
    has_key = "id" in parameters_of(path)
    if takes_key and not has_key:
        yield f"its path is {path!r}; it must have {{id}}, the key of the row"
    elif has_key and not takes_key:
        yield f"its path is {path!r}, but it takes no {{id}}; remove it, or give it another name"


def is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)


def _are_transports(given: Any) -> bool:
    is_collection = isinstance(given, Collection) and not isinstance(given, str)
    return is_collection and bool(given) and all(each in _TRANSPORTS for each in given)
