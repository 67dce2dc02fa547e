"""A controller of the bundle realtime whose routes have JSON Schemas in a file."""

import json
from pathlib import Path
from typing import Any

from injector import inject

from bundles.apidocs import ApidocsBundle
from bundles.realtime import AppHandle, Controller, IOServerError, RealtimeBundle, RealtimeSettings
from rxkernel import Application, HttpSettings, Request, Response, Settings

USER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {"id": {"type": "integer"}, "name": {"$ref": "#/definitions/Name"}},
    "definitions": {"Name": {"type": "string", "minLength": 2}},
}
USERS: dict[str, Any] = {"type": "array", "items": USER, "definitions": USER["definitions"]}
MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": "string"}},
}
NEW_USER: dict[str, Any] = {
    "type": "object",
    "description": "Who is added.",
    "required": ["name"],
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer"}},
    "additionalProperties": False,
}
SEARCH: dict[str, Any] = {
    "type": "object",
    "required": ["q", "limit"],
    "properties": {
        "q": {"type": "string", "description": "A part of the name."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "tag": {"type": "array", "items": {"type": "string"}},
        "page": {"minimum": 1},
    },
}
ENTRIES: list[dict[str, Any]] = [
    {
        "method": "GET",
        "url": "/users",
        "handler": "search",
        "schema": {
            "querystring": SEARCH,
            "headers": {
                "type": "object",
                "required": ["x-tenant"],
                "properties": {"x-tenant": {"type": "string"}, "authorization": {}},
            },
            "response": {"2xx": USERS},
        },
    },
    {
        "method": ["GET", "PATCH"],
        "url": "/users/:id(^\\d+$)",
        "handler": "user",
        "schema": {
            "params": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "integer", "minimum": 1}},
            },
            "response": {"200": USER, "default": MESSAGE},
        },
    },
    {
        "method": "POST",
        "url": "/users",
        "handler": "add",
        "schema": {
            "body": NEW_USER,
            "response": {
                "201": USER,
                "4xx": {
                    "type": "object",
                    "required": ["statusCode", "message"],
                    "properties": {
                        "statusCode": {"type": "integer"},
                        "message": {"type": "string"},
                        "errors": {"type": "array"},
                    },
                },
            },
        },
    },
]


class ShopController(Controller):
    @inject
    def __init__(self, app_handle: AppHandle) -> None:
        super().__init__(app_handle)
        self.users = {1: "Ada"}

    async def search(self, q: str, limit: int, page: int = 1) -> Any:
        """Find users."""
        found = [{"id": id, "name": name} for id, name in self.users.items() if q in name]
        return found[:limit]

    async def user(self, id: int) -> dict[str, Any]:
        if id not in self.users:
            raise IOServerError("there is no such user", 404)
        return {"id": id, "name": self.users[id]}

    async def add(self, request: Request) -> Response:
        id, name = len(self.users) + 1, request.body["name"]
        self.users[id] = name
        return Response({"id": id, "name": name, "password": "secret"}, 201)


def create_shop(
    folder: Path, entries: list[dict[str, Any]] | None = None, controller: Any = ShopController
) -> Application:
    """The application whose route file, with *entries*, is in *folder*."""
    (folder / "shop.json").write_text(json.dumps(ENTRIES if entries is None else entries))
    return Application(
        bundles=[RealtimeBundle(controllers=[controller]), ApidocsBundle(access="public")],
        settings=Settings(
            http=HttpSettings(port=0),
            request_id_header=None,
            shutdown_timeout=0.1,
            bundles={"realtime": RealtimeSettings(routes=folder)},
        ),
    )
