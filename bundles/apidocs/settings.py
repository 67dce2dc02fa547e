"""The settings of the bundle."""

import attrs

from rxkernel import TEXT


@attrs.frozen(kw_only=True)
class ApidocsSettings:
    """The section ``[apidocs]`` of ``rxkernel.toml``."""

    title: str = attrs.field(default="API", validator=TEXT)
    """The name of the API in the documents."""

    version: str = attrs.field(default="1.0.0", validator=TEXT)
    """The version of the API."""

    description: str = ""
    """A description of the API; CommonMark."""
