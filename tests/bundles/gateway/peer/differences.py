"""The differences between the transcripts of the bundle and of moleculer-io, with reasons.

A step that is listed here and does not differ fails the test.
"""

from typing import Any

import attrs


@attrs.frozen
class Difference:
    """``own`` is what the bundle does. ``why`` is the number of a check that improves on
    moleculer-io ("check 16"), or a reason."""

    own: dict[str, Any]
    why: str


def failed(name: str, message: str, **others: Any) -> dict[str, Any]:
    return {"ack": [{"name": name, "message": message, **others}], "events": []}


def succeeded(result: Any) -> dict[str, Any]:
    return {"ack": [None, result], "events": []}


def not_found(action: str) -> dict[str, Any]:
    message = f"Service '{action}' is not found."
    others = {"code": 404, "type": "SERVICE_NOT_FOUND", "data": {"action": action}}
    return failed("ServiceNotFoundError", message, **others)


def invalid(*errors: dict[str, str]) -> dict[str, Any]:
    message = "Parameters validation error!"
    others = {"code": 422, "type": "VALIDATION_ERROR", "data": list(errors)}
    return failed("ValidationError", message, **others)


def missing(field: str) -> dict[str, str]:
    return {"field": field, "type": "required", "message": "is missing"}


def unknown_event(name: str) -> dict[str, Any]:
    message = f"no event {name!r} in namespace /"
    others = {"code": 404, "statusCode": 404, "type": "unknown_event"}
    return failed("NotFoundException", message, **others)


INTERNAL = failed("Error", "Internal Server Error")
BAD_REQUEST = failed("BadRequestError", "Bad Request", code=400, type="ERR_INVALID_FORMAT")

_VALIDATION = "the errors are those of the kernel, without node and action"
_UNKNOWN_EVENT = "the kernel reports an unknown event, and moleculer-io never acknowledges it"
_SORTED = "$rooms is sorted"

_META = {"tenant": "t1", "stamp": None}

DIFFERENCES = {
    "echo null": Difference(succeeded({}), "params without a value are an empty object"),
    "only an acknowledgement": Difference(BAD_REQUEST, "check 4"),
    "empty name": Difference(not_found(""), "the message of Moleculer is empty for this name"),
    "unknown event": Difference(unknown_event("there is no such event"), _UNKNOWN_EVENT),
    "name of a method as event": Difference(unknown_event("constructor"), _UNKNOWN_EVENT),
    "missing parameter": Difference(invalid(missing("b")), _VALIDATION),
    "null for an object": Difference(invalid(missing("a"), missing("b")), _VALIDATION),
    "wrong type": Difference(succeeded(3), "text that is a number is one, as over HTTP"),
    "plain error": Difference(INTERNAL, "check 9"),
    "error of another class": Difference(INTERNAL, "check 9"),
    "circular result": Difference(INTERNAL, "check 10"),
    "circular data of an error": Difference(
        failed("MoleculerError", "circular", code=500, type="CIRCULAR"), "check 10"
    ),
    "broadcast by a client": Difference(not_found("io.broadcast"), "check 37"),
    "introspection by a client": Difference({"refused": True}, "check 37"),
    "its dot is a dot": Difference(not_found("mathXadd"), "check 16"),
    "expression, call 2": Difference(succeeded(3), "check 17"),
    **{
        f"alias {name}": Difference(not_found(name), "check 13")
        for name in ("constructor", "__proto__", "toString")
    },
    "fallback that is false": Difference(succeeded(False), "check 21"),
    "meta of the options": Difference(
        succeeded({**_META, "user": {"name": "Ann"}, "rooms": ["<ann>"], "id": "<ann>"}),
        "check 23",
    ),
    "after meta of the options": Difference(succeeded({"name": "Ann"}), "check 23"),
    "refused with nothing": Difference(
        {
            "refusal": {
                "message": "Internal Server Error",
                "data": {"statusCode": 500, "name": "Error", "message": "Internal Server Error"},
            }
        },
        "check 31",
    ),
    "refused packet": Difference(
        failed("MoleculerClientError", "refused packet", code=403, type="REFUSED"), "check 30"
    ),
    "user of another namespace": Difference(succeeded(None), "check 33"),
    "in both": Difference(succeeded(["<ann>", "milk", "tea"]), _SORTED),
    "leave tea": Difference(succeeded(["<ann>", "milk", "tea"]), _SORTED),
    "to no room": Difference({"events": []}, "check 36"),
    "to a namespace": Difference(
        {"events": [["ada", "news", "admin"], ["guest", "news", "admin"]]},
        "check 31: a client that was refused with nothing is not there",
    ),
    "without an event": Difference(invalid(missing("event")), _VALIDATION),
    "rooms that are a string": Difference(
        invalid({"field": "rooms", "type": "type", "message": "expected array | null, got str"}),
        _VALIDATION,
    ),
    "clients without a room": Difference(invalid(missing("room")), _VALIDATION),
    "result 0 of after": Difference(succeeded(0), "check 25"),
    "user of before": Difference(succeeded({"name": "Hook"}), "check 26"),
    "it is stored": Difference(succeeded({"name": "Hook"}), "check 26"),
    "order with a user": Difference(
        succeeded(["before accounts.whoami", 'after {"name":"Hook"}']), "check 26"
    ),
    "failing handler": Difference(
        failed("MoleculerClientError", "this handler fails", code=400, type="BROKEN"), "check 28"
    ),
}
