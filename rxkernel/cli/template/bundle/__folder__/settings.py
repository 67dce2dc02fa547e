"""The settings of the bundle; they can be injected."""

import attrs


@attrs.frozen(kw_only=True)
class PlaceholderSettings:
    """The section of the bundle in ``rxkernel.toml``."""

    header: str = "X-Placeholder"
    """Name of the header."""

    text: str = "__bundle__"
    """Its value."""
