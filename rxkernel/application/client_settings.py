"""Changes the settings of an application for a test client, by the test options of its bundles."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import attrs

from rxkernel.application.application import Application
from rxkernel.application.bundle_resolution import resolve_bundles
from rxkernel.application.settings_sources import default_section
from rxkernel.nearest import nearest


class ClientSettings:
    """Changes the settings of *application* by *options* before it boots, and restores them.

    See `Bundle.settings_for_test`. Clients that share an application share this object.

    Raises:
        TypeError: no bundle of the application has one of *options*.
        ConfigurationError: a bundle does not exist.
    """

    def __init__(self, application: Application, options: Mapping[str, Any]) -> None:
        self._application = application
        self._options = options
        self._undo: ExitStack | None = None
        known = [] if not options else option_names(application.bundles)
        for name in options:
            if name not in known:
                near = nearest(name, known)
                hint = (
                    f"did you mean {near}?" if near else "enable its bundle, or correct the name"
                )
                raise TypeError(
                    f"no bundle of the application has the test option {name!r}; {hint}"
                )

    def apply(self) -> None:
        """Change the settings; does nothing if they have been changed already.

        Raises:
            RxKernelError: the application is booted.
        """
        if self._undo is not None or not self._options:
            return
        application, before = self._application, self._application.settings
        with ExitStack() as undo:
            sections = dict(before.bundles)
            for bundle in resolve_bundles(application.bundles):
                options = {k: v for k, v in self._options.items() if k in bundle.test_options}
                if options:
                    own = sections.get(bundle.name)
                    if own is None and bundle.settings_class is not None:
                        own = default_section(bundle.name, bundle.settings_class)
                    sections[bundle.name] = bundle.settings_for_test(own, options, undo)
            application.settings = attrs.evolve(before, bundles=sections)
            undo.callback(setattr, application, "settings", before)
            self._undo = undo.pop_all()

    def restore(self) -> None:
        """Undo `apply`, after the application has stopped."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo.close()


def option_names(bundles: Any) -> list[str]:
    """The test options of *bundles*, as for `Application`."""
    return [name for bundle in resolve_bundles(bundles) for name in bundle.test_options]
