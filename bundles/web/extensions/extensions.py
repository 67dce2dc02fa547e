"""The extensions of an application."""

from collections.abc import Iterable
from difflib import get_close_matches

from bundles.web.extensions.csv import CSV
from bundles.web.extensions.extension import Extension
from bundles.web.extensions.html import AJAX, HTML
from bundles.web.extensions.json import JSON
from bundles.web.extensions.jsonp import JSONP
from bundles.web.extensions.sse import SSE
from bundles.web.extensions.ws import WS
from bundles.web.extensions.xml import XML
from rxkernel import ConfigurationError

BUILT_IN = (HTML, AJAX, JSON, JSONP, XML, CSV, SSE, WS)


class Extensions:
    """Finds the extension of a directory by its name.

    Args:
        own: extensions of the application, which may replace built-in ones.

    Raises:
        ConfigurationError: two have the same name, or one is not an `Extension`.
    """

    def __init__(self, own: Iterable[Extension] = ()) -> None:
        self._known = {each.name: each for each in BUILT_IN}
        names: set[str] = set()
        for each in own:
            if not isinstance(each, Extension):
                raise ConfigurationError(
                    f"WebBundle(extensions=…) has {each!r}; write Extension(name, content_type, "
                    f"render)"
                )
            if each.name in names:
                raise ConfigurationError(
                    f"WebBundle(extensions=…) has two extensions {each.name!r}; remove one"
                )
            names.add(each.name)
            self._known[each.name] = each

    def of(self, directory: str) -> Extension:
        """Return the extension in the name *directory*; HTML without one.

        Raises:
            ConfigurationError: the extension is not known.
        """
        stem, dot, name = directory.rpartition(".")
        if not (dot and stem and name.isalpha()):
            return self._known[HTML.name]
        found = self._known.get(name)
        if found is None:
            near = get_close_matches(name.lower(), self._known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self._known)}."
            raise ConfigurationError(
                f"the extension {name!r} is not known; {hint} Add your own extension with "
                f"WebBundle(extensions=[Extension({name!r}, …)])"
            )
        return found
