"""The section ``[web]`` of the settings."""

import attrs

from bundles.web.channels.settings import ChannelSettings


@attrs.frozen(kw_only=True)
class WebSettings:
    """The section ``[web]`` of ``rxkernel.toml``."""

    channels: ChannelSettings = attrs.field(factory=ChannelSettings)
    """Event streams and their channels."""
