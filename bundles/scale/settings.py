"""The settings of the bundle."""

from typing import Literal

import attrs


@attrs.frozen(kw_only=True)
class ScaleSettings:
    """The section ``[scale]`` of ``rxkernel.toml``."""

    limits: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """Where the calls for `@limit` are counted: in this process, or in Redis for all of them."""
