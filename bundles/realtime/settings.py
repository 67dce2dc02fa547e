"""The settings of the bundle."""

from pathlib import Path

import attrs

from bundles.realtime.log_level import LogLevel
from rxkernel import SECONDS


def _check_level(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    try:
        LogLevel.of(value)
    except ValueError as exc:
        raise ValueError(f"verbose {exc}") from None


@attrs.frozen(kw_only=True)
class RealtimeSettings:
    """The section ``[realtime]`` of ``rxkernel.toml``."""

    verbose: str = attrs.field(default="ERROR", validator=_check_level)
    """The least important level that `AppHandle.log` logs: a name of `LogLevel`."""

    connect_timeout: float = attrs.field(default=10.0, validator=SECONDS)
    """Seconds within which the middlewares of a service must have accepted a connection."""

    routes: Path = Path("routes")
    """The folder of the route files of controllers."""

    root_dir: Path | None = None
    """The folder of static files that are served at ``/``. Without it, no static files are
    served."""

    spa_fallback: bool = True
    """Whether ``index.html`` of *root_dir* is sent for a page that is not found."""
