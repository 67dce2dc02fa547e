"""The section ``[web]`` of the settings."""

import attrs


@attrs.frozen(kw_only=True)
class WebSettings:
    """The section ``[web]`` of ``rxkernel.toml``."""
