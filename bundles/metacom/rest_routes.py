"""The routes ``/api/<unit>/<method>`` of the bundle autoload."""

from rxkernel import Definition, HttpDefinition


def is_rest(definition: Definition) -> bool:
    """Whether *definition* is the route of an endpoint: its path is ``/api/`` and its name."""
    if not isinstance(definition, HttpDefinition):
        return False
    return definition.path == f"/api/{definition.name.removeprefix('GET ')}"
