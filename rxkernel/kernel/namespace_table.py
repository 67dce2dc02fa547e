"""The namespaces of events, some of which are templates, such as ``/room/{id}``."""

from collections.abc import Iterable
from typing import Self

import attrs

from rxkernel.exceptions import BadRequestException, ConfigurationError
from rxkernel.routing.definitions import WebSocketDefinition
from rxkernel.routing.router import Router
from rxkernel.routing.shapes import Match

_ANY = "NAMESPACE"
"""In place of the method, which namespaces do not have."""


@attrs.frozen(eq=False)
class NamespaceTable:
    """Finds the namespace of the routes for the namespace that a client connects to."""

    plain: frozenset[str] = frozenset()
    templates: Router[str] = attrs.field(factory=Router)

    @classmethod
    def of(cls, definitions: Iterable[WebSocketDefinition]) -> Self:
        """Return the table of *definitions*.

        Raises:
            ConfigurationError: two templates match the same namespaces.
        """
        templates: Router[str] = Router()
        plain: set[str] = set()
        shapes: dict[str, WebSocketDefinition] = {}
        errors: list[ConfigurationError] = []
        for definition in definitions:
            template = definition.template
            if template is None:
                plain.add(definition.namespace)
                continue
            known = shapes.setdefault(template.shape, definition)
            if known is definition:
                templates.add(_ANY, template, definition.namespace, definition.name)
            elif known.namespace != definition.namespace:
                errors.append(_clash(known, definition))
        if errors:
            raise ConfigurationError.merge(errors)
        return cls(frozenset(plain), templates)

    def find(self, namespace: str) -> Match[str] | None:
        """Return the namespace of the routes for *namespace*, and its parameters.

        A namespace without parameters wins, then the most specific template; see `Router`.
        """
        if namespace in self.plain:
            return namespace, {}
        if namespace.endswith("/"):
            return None  # a router ignores the slash, but it is another namespace
        try:
            return self.templates.find(_ANY, namespace)
        except BadRequestException:
            return None


def _clash(one: WebSocketDefinition, other: WebSocketDefinition) -> ConfigurationError:
    places = f"({one.metadata.place}) and {other.namespace!r} ({other.metadata.place})"
    return ConfigurationError(
        f"the namespaces {one.namespace!r} {places} match the same connections; "
        f"give their parameters the same names"
    )
