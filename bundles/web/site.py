"""A site that needs no Python module: a directory with a folder ``app``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bundles.autoload import create_application
from bundles.web.bundle import WebBundle
from rxkernel import Application


def create_site(
    root: Path | str = "application",
    *,
    users: Any = None,
    bundles: Sequence[Any] = (),
    controllers: Sequence[Any] = (),
) -> Application:
    """Make the application of the directory *root*, see `create_application`, with `WebBundle`.

    Args:
        bundles: further bundles; also a `WebBundle` with arguments.

    Raises:
        ConfigurationError: with every problem of the certificates.
    """
    own = [] if any(map(_is_web, bundles)) else [WebBundle()]
    return create_application(root, users=users, bundles=[*bundles, *own], controllers=controllers)


def _is_web(bundle: Any) -> bool:
    return (bundle if isinstance(bundle, str) else getattr(bundle, "name", None)) == WebBundle.name
