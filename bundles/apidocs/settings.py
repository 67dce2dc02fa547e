"""The settings of the bundle."""

import attrs

from rxkernel import TEXT


@attrs.frozen(kw_only=True)
class ApidocsSettings:
    """The section ``[apidocs]`` of ``rxkernel.toml``."""

    title: str = attrs.field(default="API", validator=TEXT)
    """The name of the API in the documents."""

    version: str = attrs.field(default="1.0.0", validator=TEXT)
    """The version of the API, not that of a document format."""

    description: str = ""
    """What the API is for; CommonMark."""
