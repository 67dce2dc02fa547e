"""The section ``[contracts]`` of the settings."""

from pathlib import Path

import attrs

from bundles.contracts.checks import is_number
from bundles.contracts.queue import Queue
from rxkernel import ConfigurationError


@attrs.frozen(kw_only=True)
class ContractsSettings:
    """Defaults for every definition; its contract can override them.

    Raises:
        ConfigurationError: a value is out of range; lists all such values.
    """

    timeout: float | None = None
    """Seconds within which an action must end. Without it there is no timeout."""

    queue: Queue | None = None
    """The queue that the calls of all definitions share. Without it there is no limit."""

    schemas: Path | None = None
    """The folder of named schemas. Without it, only the schemas in the arguments of the bundle."""

    def __attrs_post_init__(self) -> None:
        problems = [] if self.queue is None else [*self.queue.problems()]
        if self.timeout is not None and not (is_number(self.timeout) and self.timeout > 0):
            problems.append(
                f"timeout is {self.timeout!r}; it must be seconds greater than 0, or none"
            )
        if problems:
            raise ConfigurationError(*problems)
