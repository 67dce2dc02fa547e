"""`create_application`: an application from a directory, with the bundles that its files use."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bundles.autoload.bundle import AutoloadBundle
from rxkernel import Application, HttpSettings, Settings


def create_application(
    root: Path | str = "application",
    *,
    users: Any = None,
    bundles: Sequence[Any] = (),
    controllers: Sequence[Any] = (),
) -> Application:
    """Return the application of the directory *root*.

    Its bundles are ``sessions``, ``security``, ``contracts`` and ``autoload``; ``tasks`` and
    ``web`` if there is a folder ``tasks`` or ``app``; and ``metacom``, unless there is a folder
    ``app`` but no folder ``api``, since access files in ``app`` do not protect calls. The
    certificates in ``cert`` are the default of ``http.tls``.

    Args:
        users: the `UserProvider` of `SecurityBundle`; without it there are no logins.
        bundles: further bundles, as for `Application`; may also be a `MetacomBundle` or a
            `WebBundle` with arguments.
        controllers: as for `Application`. Each action must have an access rule.

    Raises:
        ConfigurationError: lists every error in the certificates.
    """
    root = Path(root)
    security = import_module("bundles.security")  # requires an extra, as the two below
    defaults = import_module("bundles.autoload.security_defaults")
    certificates = import_module("bundles.autoload.places.certificates")
    has_pages, has_calls = (root / "app").is_dir(), (root / "api").is_dir()
    sections: Mapping[str, Any] = {}
    if users is None:
        users, sections = defaults.NoUsers, {"security": defaults.settings_without_users()}
    return Application(
        bundles=[
            "sessions",
            security.SecurityBundle(users),
            "contracts",
            *(["tasks"] if (root / "tasks").is_dir() else ()),
            *(_missing_in(bundles, "metacom") if has_calls or not has_pages else ()),
            *(_missing_in(bundles, "web") if has_pages else ()),
            *bundles,
            AutoloadBundle(root),
        ],
        controllers=controllers,
        settings=Settings(
            http=HttpSettings(tls=certificates.read_certificates(root)), bundles=sections
        ),
    )


def _missing_in(bundles: Sequence[Any], name: str) -> list[str]:
    """Return *name*, unless *bundles* has a bundle of that name."""
    given = (each if isinstance(each, str) else getattr(each, "name", None) for each in bundles)
    return [] if name in given else [name]
