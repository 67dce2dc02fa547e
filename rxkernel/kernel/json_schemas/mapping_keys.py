"""The schema of the names of an object, for the type of the keys of a mapping."""

from rxkernel.kernel.json_schemas.components import Components
from rxkernel.kernel.json_schemas.scalar_schemas import JsonSchema

_INTEGER = "^-?(?:0|[1-9][0-9]{0,17})$"


def key_schema(components: Components, schema: JsonSchema) -> JsonSchema:
    """Return the ``propertyNames`` for keys of *schema*: in JSON each key is a text.

    It is empty if each text may be a key.
    """
    found = components.schema_of(schema) or schema
    values = [found["const"]] if "const" in found else found.get("enum")
    if values is not None:
        return {"enum": [value if isinstance(value, str) else str(value) for value in values]}
    if found.get("type") == "integer":
        return {"pattern": _INTEGER}
    if found.get("type") != "string":
        return {}
    return {key: value for key, value in found.items() if key not in ("type", "description")}
