"""The reports of all workers, as their supervisor has received them."""

import os
from collections.abc import Mapping
from typing import Any

import attrs

from rxkernel.cli.workers.children import Child
from rxkernel.cli.workers.worker_report import add

_COUNTERS = ("handled", "limits")
"""The counters that are kept after the end of a process."""


@attrs.define(eq=False)
class MergedReports:
    """The last report of each worker, and the counters of those that have ended.

    Args:
        lost: connections that the supervisor has closed, by reason.
    """

    lost: Mapping[str, int]
    _latest: dict[Child, Mapping[str, Any]] = attrs.field(factory=dict, init=False)
    _ended: dict[str, Any] = attrs.field(factory=dict, init=False)
    _started: int = attrs.field(default=0, init=False)

    def begin(self) -> None:
        """Count one more process."""
        self._started += 1

    def take(self, child: Child, report: Mapping[str, Any]) -> None:
        self._latest[child] = report

    def end(self, child: Child) -> None:
        """Keep the counters of *child*, which has ended."""
        report = self._latest.pop(child, None)
        for name, figures in {} if report is None else report["applications"].items():
            counters = {key: figures[key] for key in _COUNTERS}
            add(self._ended.setdefault(name, {}), counters)

    def merged(self) -> dict[str, Any]:
        supervisor = {
            "pid": os.getpid(),
            "started_workers": self._started,
            "lost_connections": dict(self.lost),
        }
        return {
            "supervisor": supervisor,
            "workers": list(self._latest.values()),
            "ended": self._ended,
        }
