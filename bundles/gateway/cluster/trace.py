"""Carries the trace context of the kernel's `Propagator` in the meta of calls and events."""

from collections.abc import Callable, Mapping
from typing import Any

from multidict import CIMultiDict

from rxkernel import Propagator

Extract = Callable[[Mapping[str, str]], None]


class Trace:
    """
    Attributes:
        extract: reads a carrier, see `Kernel.extract`; None: trace contexts are not read.
    """

    def __init__(self, propagator: Propagator) -> None:
        does_inject = type(propagator).inject is not Propagator.inject
        self.extract: Extract | None = None
        self._inject = propagator.inject if does_inject else None
        self._keys: set[str] = set()

    def add_to(self, meta: dict[str, Any]) -> dict[str, Any]:
        """Return *meta* with the current trace context."""
        if self._inject is None:
            return meta
        carrier: dict[str, str] = {}
        self._inject(carrier)
        self._keys.update(carrier)
        return {**meta, **carrier}

    def read(self, meta: Mapping[str, Any]) -> None:
        """Make the trace context in *meta* the current one."""
        if self.extract is not None:
            texts = {key: value for key, value in meta.items() if isinstance(value, str)}
            self.extract(CIMultiDict(texts))

    def without(self, meta: dict[str, Any]) -> dict[str, Any]:
        """Return *meta* of a response without the trace context."""
        if not self._keys:
            return meta
        return {key: value for key, value in meta.items() if key not in self._keys}
