"""Node calls the services of the bundle realtime, whose events have no envelope."""

from tests.bundles.apidocs.services import create_services
from tests.bundles.apidocs.typescript.conftest import (
    Compile,
    RunScript,
    client_of_application,
)
from tests.serving import serving


async def test_client_sends_and_receives_plain_values(run_script: RunScript) -> None:
    async with serving(create_services()) as application:
        found = await run_script(application, "services.ts")

    unposted = found.pop("unposted")
    invalid, broken = found.pop("invalid"), found.pop("broken")
    assert found == {
        "joined": {"status": "success", "room": "tea", "seat": 0},
        "pushed": ["tea"],
        "nothing": True,
        "sent": {"text": "hello", "urgent": False},
        "wrapped": [[1], ["x"]],
        "pages": [20, 3],
        "bytes": ["Uint8Array", 255, 2, 1],
        "blob": "ba",
        "echoed": [
            None,
            {"params": {"a": 1}, "body": 2},
            {"statusCode": 7, "content": 1},
            {"status": "success", "statusCode": 404, "message": "a value"},
        ],
        "said": "Tea in 7",
        "posted": ["TEA", "TEA"],
        "counted": 4,
        "refused": {
            "status": "error",
            "type": "IOServerError",
            "message": "a room has a name",
            "statusCode": 400,
            "data": {"field": "room"},
        },
        "stranger": {
            "code": "connection_error",
            "message": "log in first",
            "data": {"url": "/login"},
        },
    }
    empty = {"status": 409, "code": "empty", "message": "nothing to post", "errors": []}
    assert unposted == 2 * [{"operation": "postMessage", **empty}]
    assert (invalid["status"], invalid["operation"]) == (422, "joinRoom")
    assert [error["path"] for error in invalid["errors"]] == ["params.seat"]
    assert (broken["status"], broken["message"]) == (500, "Internal Server Error")


async def test_client_of_services_is_accepted_and_wrong_calls_are_rejected(
    compile_client: Compile,
) -> None:
    async with create_services() as application:
        compile_client(client_of_application(application), "wrong_service_types.ts")
