"""The settings of the bundle."""

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class SecuritySettings:
    """The section ``[security]`` of ``rxkernel.toml``."""

    # rules

    roles: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """The role hierarchy: ``admin = ["editor"]``, an admin is an editor too. If it is not empty,
    a role in a rule that it does not name is an error at boot."""
