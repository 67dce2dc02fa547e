"""The schemas of error bodies, the same in both documents."""

from typing import Any

from bundles.apidocs.described_errors import DescribedError
from rxkernel import JsonSchemas

Schema = dict[str, Any]

_ENTRY: Schema = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "Where: params, body, headers, cookies, files."},
        "code": {"type": "string", "description": "A word for programs, such as missing."},
        "message": {"type": "string", "description": "For people; it may change."},
        "params": {"type": "object", "description": "The values of the rule."},
    },
    "required": ["path", "code", "message"],
}


class ErrorSchemas:
    """``Error`` and ``ValidationError``, added to the components when they are used."""

    def __init__(self, schemas: JsonSchemas) -> None:
        self._schemas = schemas

    def of(self, status: int, error: DescribedError) -> Schema:
        """Return the schema of the body of *error*."""
        general = self.general(status)
        if not error.codes:
            return general
        coded = self.coded(status, error)
        return {"anyOf": [coded, general]} if error.is_general else coded

    def coded(self, status: int, error: DescribedError) -> Schema:
        """Return the schema of a body with one of the declared codes of *error*."""
        return {
            "allOf": [self.general(status)],
            "properties": {"code": {"enum": list(error.codes)}},
            "required": ["code"],
        }

    def of_service(self, schema: Schema) -> Schema:
        """Return the schema of an error of a service of the bundle realtime: a body that fits
        *schema*, with two more fields."""
        fields = {
            "description": "The fields that errors of services have in addition.",
            "type": "object",
            "properties": {
                "status": {"const": "error"},
                "type": {"type": "string", "description": "The name of the class."},
                "data": {"description": "Details."},
            },
            "required": ["status", "type"],
        }
        added = self._schemas.add("ServiceError", lambda: fields, "the errors of services")
        return {"allOf": [schema, added]}

    def general(self, status: int) -> Schema:
        """Return the schema of a body without a declared code."""
        return self._validation_error() if status == 422 else self._error()

    def _error(self) -> Schema:
        schema = {
            "description": "The body of each error.",
            "type": "object",
            "properties": {
                "statusCode": {"type": "integer", "minimum": 400, "maximum": 599},
                "message": {"type": "string", "description": "For people; it may change."},
                "code": {"type": ["string", "integer"], "description": "For programs."},
                "errors": {"description": "Details."},
            },
            "required": ["statusCode", "message"],
        }
        return self._schemas.add("Error", lambda: schema, "the body of errors")

    def _validation_error(self) -> Schema:
        schema = {
            "description": "Input that does not fit. It may have no list of errors.",
            "allOf": [self._error()],
            "properties": {
                "statusCode": {"const": 422},
                "errors": {"type": "array", "items": _ENTRY},
            },
        }
        return self._schemas.add(
            "ValidationError", lambda: schema, "the body of validation errors"
        )
