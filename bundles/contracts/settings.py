"""The section ``[contracts]`` of the settings."""

from pathlib import Path

import attrs

from bundles.contracts.queue import Queue
from rxkernel import SECONDS, ConfigurationError


@attrs.frozen(kw_only=True)
class ContractsSettings:
    """Defaults for every definition; its contract can override them.

    Raises:
        ValueError: *timeout* is out of range.
        ConfigurationError: numbers of *queue* are out of range; lists all of them.
    """

    timeout: float | None = attrs.field(default=None, validator=SECONDS.or_none())
    """Seconds within which an action must end. Without it there is no timeout."""

    queue: Queue | None = None
    """The queue that the calls of all definitions share. Without it there is no limit."""

    schemas: Path | None = None
    """The folder of named schemas. Without it, only the schemas in the arguments of the bundle."""

    def __attrs_post_init__(self) -> None:
        if self.queue is not None and (problems := [*self.queue.problems()]):
            raise ConfigurationError(*problems)
