"""The settings of the bundle."""

import attrs


@attrs.frozen(kw_only=True)
class ApidocsSettings:
    """The section ``[apidocs]`` of ``rxkernel.toml``."""

    title: str = attrs.field(default="API", validator=attrs.validators.min_len(1))
    """The name of the API in the documents."""

    version: str = attrs.field(default="1.0.0", validator=attrs.validators.min_len(1))
    """The version of the API."""

    description: str = ""
    """A description of the API; CommonMark."""
