"""The documents of `tests.browser.documented`, in the format of the bundle apidocs."""

from copy import deepcopy
from typing import Any

HOSTILE = "<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>"

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sid"},
}
TITLE = {"type": "string", "minLength": 1, "maxLength": 200, "description": "What it is called."}
SCHEMAS = {
    "Thing": {
        "type": "object",
        "description": "A thing that is kept.",
        "properties": {
            "id": {"type": "integer", "minimum": 1, "maximum": 9223372036854775807},
            "title": TITLE,
            "size": {"enum": ["small", "large"], "default": "small"},
            "made": {"type": "string", "format": "date-time"},
            "owner": {"anyOf": [{"$ref": "#/components/schemas/Owner"}, {"type": "null"}]},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
        },
        "required": ["id", "title"],
    },
    "NewThing": {"type": "object", "properties": {"title": TITLE}, "required": ["title"]},
    "Owner": {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    },
    "Error": {
        "type": "object",
        "properties": {"statusCode": {"type": "integer"}, "message": {"type": "string"}},
        "required": ["statusCode", "message"],
    },
}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def json_of(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": reference(name)}}


def operation(name: str, summary: str, **fields: Any) -> dict[str, Any]:
    responses = {"200": {"description": "OK"}, **fields.pop("responses", {})}
    return {
        "operationId": name,
        "tags": ["Things"],
        "summary": summary,
        "responses": responses,
        **fields,
    }


def openapi(prefix: str = "") -> dict[str, Any]:
    show = operation(
        "thing_show",
        "Show a thing.",
        description="The `tag` of a thing is a word.\n\n- one\n- two",
        parameters=[
            {
                "name": "id",
                "in": "path",
                "required": True,
                "schema": {"type": "integer", "minimum": 1},
                "description": "The number of the thing.",
            },
            {
                "name": "tag",
                "in": "query",
                "schema": {"type": "array", "items": {"type": "string"}},
            },
            {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
            {"name": "Origin", "in": "header", "schema": {"type": "string"}},
            {"name": "theme", "in": "cookie", "schema": {"type": "string"}},
        ],
        security=[{"bearer": ["admin"]}, {"key": []}],
        **{"x-rxkernel-access": "roles: admin"},
        responses={
            "200": {"description": "The thing.", "content": json_of("Thing")},
            "404": {"description": "There is no such thing.", "content": json_of("Error")},
        },
    )
    create = operation(
        "thing_create",
        "Add a thing.",
        security=[],
        requestBody={
            "required": True,
            "content": {
                **json_of("NewThing"),
                "application/x-www-form-urlencoded": {"schema": reference("NewThing")},
            },
        },
        responses={"201": {"description": "Created", "content": json_of("Thing")}},
    )
    photo = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "photo": {"type": "string", "format": "binary"},
        },
        "required": ["name", "photo"],
    }
    upload = operation(
        "photo_upload",
        "Upload a photo.",
        deprecated=True,
        requestBody={"required": True, "content": {"multipart/form-data": {"schema": photo}}},
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1.0", "description": "All about things."},
        "paths": {
            f"{prefix}/things/{{id}}": {"get": show},
            f"{prefix}/things": {"post": create},
            f"{prefix}/photos": {"post": upload},
            f"{prefix}/ticks": {"get": operation("tick_stream", "Three ticks.")},
            f"{prefix}/broken": {"get": operation("broken_show", "Half a stream.")},
            f"{prefix}/endless": {"get": operation("endless_show", "It never ends.")},
            f"{prefix}/bytes": {"get": operation("bytes_show", "Six bytes.")},
            f"{prefix}/large": {"get": operation("large_show", "A large number.")},
        },
        "components": deepcopy({"schemas": SCHEMAS, "securitySchemes": SCHEMES}),
    }


def message(name: str, payload: Any = None) -> dict[str, Any]:
    return {"name": name} if payload is None else {"name": name, "payload": payload}


def asyncapi(socket_path: str = "/socket.io/") -> dict[str, Any]:
    acknowledgement = {
        "type": "object",
        "properties": {"statusCode": {"const": 201}, "content": reference("Thing")},
    }
    body = {"type": "object", "properties": {"body": reference("NewThing")}, "required": ["body"]}
    loud = {"type": "object", "properties": {"loud": {"type": "boolean"}}}
    main = {
        "thing_create": message("thing_create", body),
        "thing_create_reply": message("thing_create_reply", acknowledgement),
        "thing_created": message("thing_created", reference("Thing")),
        "echo": message("echo", {"type": "object", "properties": {"body": {}}}),
        "ask": message("ask"),
        "leave": message("leave"),
    }
    say = message("say", {"type": "object", "properties": {"params": loud}})

    def receive(name: str, channel: str = "main", **fields: Any) -> dict[str, Any]:
        return {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
            "tags": [{"name": "Things"}],
            **fields,
        }

    created: dict[str, Any] = {"summary": "Add a thing.", "x-rxkernel-pushes": ["thing_created"]}
    reply = {
        "channel": {"$ref": "#/channels/main"},
        "messages": [{"$ref": "#/channels/main/messages/thing_create_reply"}],
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Things", "version": "1.0"},
        "servers": {
            "main": {"host": "localhost", "protocol": "socket.io", "pathname": socket_path}
        },
        "channels": {
            "main": {"address": "/", "messages": main},
            "rooms": {
                "address": "/rooms/{room}",
                "parameters": {"room": {"description": "The name of the room."}},
                "messages": {"say": say},
            },
        },
        "operations": {
            "thing_create": receive("thing_create", reply=reply, **created),
            "echo": receive("echo"),
            "ask": receive("ask"),
            "leave": receive("leave"),
            "/rooms/{room}:say": receive("say", "rooms"),
            "push_thing_created": receive("thing_created", action="send"),
        },
        "components": deepcopy({"schemas": SCHEMAS, "securitySchemes": SCHEMES}),
    }
