"""The section ``[web]`` of the settings."""

from pathlib import Path

import attrs

from bundles.web.channels.settings import ChannelSettings
from bundles.web.files.upload_types import TYPE
from bundles.web.firewall.settings import FirewallSettings
from bundles.web.proxy.settings import ProxySettings
from rxkernel import COUNT_OR_0, SECONDS, SIZE_OR_0, Allowed

_FOLDER = Allowed("the path of a folder", (Path,), lambda path: "\0" not in str(path))
_TYPE = Allowed(
    "a list of types in lower case, such as 'image/png', 'image/*' or '*/*'",
    (str,),
    TYPE.fullmatch,
)
_TYPES = attrs.validators.deep_iterable(_TYPE, attrs.validators.instance_of(tuple))


@attrs.frozen(kw_only=True)
class WebSettings:
    """The section ``[web]`` of ``rxkernel.toml``."""

    page_cache_size: int = attrs.field(default=33_554_432, validator=SIZE_OR_0)
    """Most bytes of the pages that ``client.cache`` keeps, approximately; 0: none are kept."""

    page_cache_entries: int = attrs.field(default=1_000, validator=COUNT_OR_0)
    """Most pages that ``client.cache`` keeps."""

    uploads: Path = attrs.field(default=Path("files"), validator=_FOLDER)
    """The folder of ``client.upload``, absolute or below the directory of the application. It must
    not be served."""

    upload_types: tuple[str, ...] = attrs.field(default=("*/*",), validator=_TYPES)
    """The content types that ``client.upload`` accepts. The type that the client has sent, and the
    type of the name, must both be accepted; the content is not checked."""

    slow_time: float | None = attrs.field(default=None, validator=SECONDS.or_none())
    """Seconds; a response that is ready later is logged to ``rxkernel.slow``, unless a rule of
    ``config/routes.py`` has another limit. None: only such rules have limits."""

    channels: ChannelSettings = attrs.field(factory=ChannelSettings)
    """Event streams and their channels."""

    firewall: FirewallSettings = attrs.field(factory=FirewallSettings)
    """Limits of the open requests of a client, and denied clients."""

    proxy: ProxySettings = attrs.field(factory=ProxySettings)
    """Requests to other servers."""
