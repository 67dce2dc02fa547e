"""The settings of the bundle."""

from pathlib import Path
from typing import Literal

import attrs

from rxkernel import COUNT, SECONDS, whole_number
from rxkernel.settings import FILE

_SIZE = whole_number(1024, unit="bytes")


@attrs.frozen(kw_only=True)
class StateSettings:
    """The section ``[state]`` of ``rxkernel.toml``."""

    store: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """``memory``: the state belongs to this process; ``redis``: all processes share it."""

    file: Path | None = attrs.field(
        default=None, validator=FILE.or_none(), metadata={"per_application": True}
    )
    """The file of the store ``memory``, as JSON, which keeps the state over a restart; by default
    nothing does. It is created with mode 600."""

    max_keys: int = attrs.field(default=100_000, validator=COUNT)
    """Most paths that have a value, dicts included."""

    max_size: int = attrs.field(default=16_777_216, validator=_SIZE)
    """About the most bytes of all keys and values together, as JSON."""

    max_value_size: int = attrs.field(default=1_048_576, validator=_SIZE)
    """About the most bytes of a value, and of the changes of a transaction."""

    max_pending_size: int = attrs.field(default=16_777_216, validator=_SIZE)
    """About the most bytes of changes that wait for Redis."""

    commit_timeout: float = attrs.field(default=5.0, validator=SECONDS)
    """Seconds that a transaction may wait, for its turn and until it is decided."""

    attempts: int = attrs.field(default=10, validator=COUNT)
    """How often `State.transact` runs a function whose transactions conflict with others."""
