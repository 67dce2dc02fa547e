"""Two documents with every kind of schema, and names and texts that break careless generators."""

from typing import Any

HOSTILE_TEXT = (
    "Ends */ export const hacked = 1; /*\n@ts-ignore\n`${x}` \u202e \u2028 @deprecated </script>"
)


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def described(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": sorted(fields)}


SCHEMAS: dict[str, Any] = {
    "Any": {},
    "Never": False,
    "Color": {"enum": ["red", "light blue", 'quo"te', "back\\slash", "\u2028", "\ud800"]},
    "Number1": {"type": "integer", "enum": [1, 2]},
    "Error": described(statusCode={"type": "integer"}, message={"type": "string"}),
    "Promise": {"type": "string", "description": "The name of a type of the platform."},
    "Client": described(id={"type": "integer"}),
    "string": {"type": "integer"},
    "class": described(**{"class": {"type": "boolean"}}),
    "Page[Task]": described(items={"type": "array", "items": reference("Page_Task")}),
    "Page_Task": described(id={"type": "integer"}),
    "PageTask": {"type": "string"},
    "123": {"type": "number"},
    "-": {"type": "boolean"},
    "Ünïcode名": described(名前={"type": "string"}),
    "a/b~c": {"type": "null"},
    "Tree": described(
        children={"type": "array", "items": reference("Tree")},
        named={"type": "object", "additionalProperties": reference("Tree")},
        parent={"anyOf": [reference("Tree"), {"type": "null"}]},
    ),
    "Json": {
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": reference("Json")},
            {"type": "object", "additionalProperties": reference("Json")},
        ]
    },
    "Cat": described(kind={"const": "cat"}, lives={"type": "integer"}),
    "Dog": described(kind={"const": "dog"}, name={"type": "string"}),
    "Animal": {
        "oneOf": [reference("Cat"), reference("Dog")],
        "discriminator": {"propertyName": "kind"},
    },
    "Shapes": {
        "type": "object",
        "description": HOSTILE_TEXT,
        "required": ["pair", "day", "a-b"],
        "properties": {
            "pair": {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": ["string", "null"]}],
                "items": False,
                "minItems": 2,
                "maxItems": 2,
            },
            "open": {"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 1},
            "day": {"type": "string", "format": "date"},
            "a-b": {"type": ["integer", "null"], "description": HOSTILE_TEXT, "deprecated": True},
            'quo"te\\ \n */': {"type": "string"},
            "__proto__": {"type": "string"},
            "photo": {"type": "string", "format": "binary"},
            "encoded": {"type": "string", "contentEncoding": "base64"},
            "many": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "both": {
                "allOf": [reference("Cat"), {"anyOf": [reference("Tree"), {"type": "null"}]}]
            },
            "any": True,
            "constant": {"const": {"a": [1, None, "x"]}},
            "table": {"type": "object", "patternProperties": {"^a": {"type": "integer"}}},
            "extra": {
                "type": "object",
                "properties": {"known": {"type": "integer"}},
                "additionalProperties": {"type": "string"},
            },
            "color": {"allOf": [reference("Color")], "default": "red"},
            "escaped": reference("a~1b~0c"),
            "percent": reference("%C3%9Cn%C3%AFcode%E5%90%8D"),
        },
    },
}

OK: dict[str, Any] = {
    "200": {
        "description": "",
        "content": {"application/json": {"schema": reference("Shapes")}},
    },
    "4XX": {
        "description": "",
        "content": {
            "application/json": {
                "schema": {
                    "allOf": [
                        reference("Error"),
                        {"properties": {"code": {"enum": ["out_of_stock", 'quo"te']}}},
                    ]
                }
            }
        },
    },
}


def operation(name: str, **parts: Any) -> dict[str, Any]:
    return {"operationId": name, "responses": OK, **parts}


def parameter(name: str, place: str = "query", **parts: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": {"type": "string"}, **parts}


NAMES = (
    "delete",
    "constructor",
    "then",
    "on",
    "__proto__",
    "toString",
    "task_list",
    "taskList",
    "task-list",
    "タスク",
    "1st",
    "*",
    'quo"te',
    "😀",
    "arguments",
)

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Hostile */ export const hacked = 2; /*", "version": "1"},
    "paths": {
        "/a/{id}/{file}": {
            "parameters": [
                parameter("id", "path", required=True, description=HOSTILE_TEXT),
                parameter("file", "path", required=True),
            ],
            "post": operation(
                "everything",
                summary=HOSTILE_TEXT,
                description=HOSTILE_TEXT,
                deprecated=True,
                parameters=[
                    parameter("tag", schema={"type": "array", "items": {"type": "string"}}),
                    parameter("class", deprecated=True),
                    parameter("quo\"te'\\"),
                    parameter("X-Token", "header", required=True),
                    parameter("sid", "cookie"),
                ],
                requestBody={
                    "required": True,
                    "content": {"application/json": {"schema": reference("Shapes")}},
                },
            ),
        },
        **{f"/names/{at}": {"get": operation(name)} for at, name in enumerate(NAMES)},
    },
    "components": {"schemas": SCHEMAS},
}


def message(name: str, payload: Any) -> dict[str, Any]:
    return {"name": name, "payload": payload}


CHANNELS: dict[str, Any] = {
    "main": {
        "address": "/",
        "messages": {
            "push": message('pu"shed*/', reference("Animal")),
            "push2": message('pu"shed*/', {"type": "null"}),
            "proto": message("__proto__", True),
            "in": message('quo"te', described(body=reference("Animal"))),
            "out": message(
                "reply", described(statusCode={}, headers={}, content=reference("Json"))
            ),
        },
    },
    "rooms": {
        "address": "/rooms/{id}/{na-me}",
        "parameters": {"id": {}, "na-me": {"enum": ["a", "b"], "description": HOSTILE_TEXT}},
        "messages": {"push": message("said", {"type": "string", "format": "binary"})},
    },
}


def _operation(action: str, channel: str, name: str, **parts: Any) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
        **parts,
    }


ASYNCAPI: dict[str, Any] = {
    "asyncapi": "3.0.0",
    "info": {"title": "Hostile", "version": "1"},
    "servers": {"main": {"host": "x", "protocol": "socket.io", "pathname": '/so"cket/'}},
    "channels": CHANNELS,
    "operations": {
        'quo"te': _operation(
            "receive",
            "main",
            "in",
            summary=HOSTILE_TEXT,
            reply={
                "channel": {"$ref": "#/channels/main"},
                "messages": [{"$ref": "#/channels/main/messages/out"}],
            },
        ),
        "push_1": _operation("send", "main", "push", description=HOSTILE_TEXT),
        "push_2": _operation("send", "main", "push2"),
        "push_3": _operation("send", "rooms", "push"),
        "push_4": _operation("send", "main", "proto"),
    },
    "components": {
        "schemas": {
            **SCHEMAS,
            "Cat": described(kind={"const": "cat"}, lives={"type": "string"}),
            "OnlyHere": described(animal=reference("Animal")),
        }
    },
}
