"""Encodes a call for a worker process, and decodes its reply."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from bundles.tasks.pool.exceptions import NotPicklableError, WorkerCallError, WorkerTraceback
from bundles.tasks.pool.worker_process import FAILURE, RESULT


@attrs.frozen
class Reply:
    """The frame that a worker sends when a call has ended; see `worker_process`."""

    kind: int
    body: bytes


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of *function* for errors and logs. It omits the arguments of a `partial`,
    which may be secret."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__qualname__", type(function).__qualname__)


def pickle_call(function: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    """Return the call as bytes, so that later changes of *args* have no effect.

    Raises:
        NotPicklableError: a worker cannot import *function*, or an argument cannot be pickled.
    """
    if getattr(function, "__module__", None) == "__main__":
        raise NotPicklableError(
            f"{name_of(function)} is defined in __main__, which a worker process cannot import; "
            f"move it to a module"
        )
    try:
        return pickle.dumps((function, args), pickle.HIGHEST_PROTOCOL)
    except Exception as exc:
        raise NotPicklableError(_problem(function, args, exc)) from exc


def _problem(function: Callable[..., Any], args: tuple[Any, ...], exc: Exception) -> str:
    if _error_of(function) is not None:
        return (
            f"{name_of(function)} cannot be pickled: {exc}; a worker process must be able to "
            f"import the function, so define it at the top level of a module"
        )
    for number, value in enumerate(args, 1):
        if (error := _error_of(value)) is not None:
            return (
                f"argument {number} of {name_of(function)}, a {type(value).__qualname__}, cannot "
                f"be pickled: {error}; pass plain values"
            )
    return f"the arguments of {name_of(function)} cannot be pickled: {exc}"


def _error_of(value: object) -> Exception | None:
    try:
        pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception as exc:  # noqa: BLE001 - a class may raise any
        return exc
    return None


def result_of(reply: Reply, function: Callable[..., Any]) -> Any:
    """Return the result of a call, or raise its exception.

    Raises:
        NotPicklableError: the result cannot be pickled, or cannot be unpickled here.
        WorkerCallError: the exception of the call cannot be unpickled here.
    """
    if reply.kind == RESULT:
        try:
            return pickle.loads(reply.body)
        except Exception as exc:
            raise NotPicklableError(
                f"the result of {name_of(function)} was pickled, but cannot be unpickled: "
                f"{type(exc).__qualname__}: {exc}; return plain values"
            ) from exc
    if reply.kind == FAILURE:
        pickled, summary, traceback = pickle.loads(reply.body)
        raise _exception(pickled, summary) from WorkerTraceback(traceback)
    kind, error = pickle.loads(reply.body)
    raise NotPicklableError(
        f"the result of {name_of(function)}, a {kind}, cannot be pickled: {error}; return plain "
        f"values from a plain def"
    )


def _exception(pickled: bytes | None, summary: str) -> Exception:
    if pickled is None:
        return WorkerCallError(summary)
    try:
        exception = pickle.loads(pickled)
    except Exception:  # noqa: BLE001 - its class has another constructor, or is not known here
        return WorkerCallError(summary)
    return exception if isinstance(exception, Exception) else WorkerCallError(summary)
