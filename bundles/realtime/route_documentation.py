"""Converts the schemas of a route file to the kernel's `Documentation`, for the bundle apidocs."""

from collections.abc import Mapping
from typing import Any

from bundles.realtime.json_schemas import DEFAULT_DRAFT
from bundles.realtime.route_entry import RouteEntry
from bundles.realtime.route_schemas import WITHOUT_BODY
from rxkernel import Documentation


def documentation_for(entry: RouteEntry, method: str) -> Documentation:
    """Describe the requests of *entry* with *method*, and its responses."""
    parts = {key: _dated(schema) for key, schema in entry.schema.items() if key != "response"}
    responses = entry.schema.get("response", {})
    return Documentation(
        params=parts.get("params"),
        query=parts.get("querystring", parts.get("query")),
        headers=parts.get("headers"),
        body=parts.get("body"),
        responses={status.lower(): _dated(schema) for status, schema in responses.items()},
        statuses=(400,) if _may_be_invalid(entry, parts, method) else (),
    )


def _may_be_invalid(entry: RouteEntry, parts: Mapping[str, Any], method: str) -> bool:
    if entry.attach_validation:
        return False
    return bool(parts.keys() - {"body"}) or ("body" in parts and method not in WITHOUT_BODY)


def _dated(schema: Any) -> Any:
    """Return *schema* with ``$schema``: without it, the draft is that of IOServer."""
    return {"$schema": DEFAULT_DRAFT, **schema} if isinstance(schema, dict) else schema
