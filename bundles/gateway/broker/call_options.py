"""The options of one call."""

from collections.abc import AsyncIterable, Mapping
from typing import Any, TypedDict

CallMeta = Mapping[str, Any]


class CallOptions(TypedDict, total=False):
    """The options of `Broker.call`; they override those of the action and the settings.

    ``timeout``: seconds, 0: no timeout; ``retries``: the maximum of repetitions after retryable
    errors; ``fallback``: the result of a failed call, or a function of the context and the
    exception that returns it; ``meta``: added to the meta for the action; ``node_id``: the node
    that must run the action; ``stream``: pieces of bytes that the action reads from
    ``ctx.stream``. A call with a stream is not repeated.
    """

    timeout: float | None
    retries: int | None
    fallback: Any
    meta: CallMeta | None
    node_id: str | None
    stream: AsyncIterable[bytes] | None


class CallItem(TypedDict, total=False):
    """One call of `Broker.mcall`; only ``action`` is required."""

    action: str
    params: Any
    options: CallOptions


class Unset:
    """The type of `UNSET`."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
"""The value of options that are not set, if None is a valid value."""
