"""The documents over HTTP: only with a rule, and by the rule."""

from typing import Any

import attrs
import msgspec
import pytest

from bundles.apidocs import ApidocsBundle, ApidocsSettings
from bundles.security import SecurityBundle, UserProvider, access
from rxkernel import (
    Application,
    ConfigurationError,
    KernelClient,
    KernelEvents,
    NotFoundException,
    RequestEvent,
    Settings,
    http,
    observe,
)
from rxkernel.pytest_plugin import ClientOf


class Tasks:
    @http("GET", "/tasks", "task_list", status_code=200)
    async def find(self) -> list[str]:
        return []


class Users(UserProvider[str]):
    async def load(self, identifier: str) -> str | None:
        return identifier


async def test_documents_without_a_rule_are_not_served(client_of: ClientOf) -> None:
    client = client_of(Application(bundles=[ApidocsBundle()], controllers=[Tasks]))
    await client.application.boot()

    assert [d.path for d in client.application.kernel.http_definitions] == ["/tasks"]


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
async def test_document_is_served_as_json_through_the_listeners(
    client_of: ClientOf, name: str
) -> None:
    seen: list[str | None] = []

    class Count:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def count(self, event: RequestEvent) -> None:
            seen.append(event.request.route_name)

    settings = Settings(bundles={"apidocs": ApidocsSettings(title="Tasks", version="2")})
    client: KernelClient = client_of(
        Application(
            bundles=[ApidocsBundle(access="public")],
            controllers=[Tasks],
            listeners=[Count],
            settings=settings,
        )
    )

    response = await client.http(f"apidocs_{name}")

    document = msgspec.json.decode(response.content)
    assert response.headers["Content-Type"] == "application/json"
    assert document["info"] == {"title": "Tasks", "version": "2"}
    assert "/openapi.json" not in document.get("paths", {})
    assert seen == [f"apidocs_{name}"]


async def test_document_with_a_rule_needs_a_credential(client_of: ClientOf) -> None:
    client = client_of(
        Application(
            bundles=[
                SecurityBundle(Users, access="public"),
                ApidocsBundle(access="authenticated"),
            ],
            controllers=[Tasks],
        )
    )

    assert (await client.http("apidocs_openapi")).status_code == 401


@pytest.mark.parametrize("rule", ["publik", "authenticated", access(roles="admin"), 3])
async def test_rule_without_the_bundle_security_is_one_error_with_the_allowed_value(
    rule: object,
) -> None:
    application = Application(bundles=[ApidocsBundle(access=rule)], controllers=[Tasks])

    with pytest.raises(ConfigurationError) as caught:
        await application.boot()

    (problem,) = caught.value.problems
    assert problem.startswith(f"ApidocsBundle(access={rule!r}): without the bundle security, ")
    assert "access must be 'public'" in problem
    assert "bundles=[SecurityBundle(…)]" in problem


async def test_application_with_an_action_that_cannot_be_described_fails_at_boot() -> None:
    @attrs.frozen
    class Error:
        text: str

    class Routes:
        @http("POST", "/a", "a")
        async def a(self, error: Error) -> None: ...

    application = Application(bundles=[ApidocsBundle(access="public")], controllers=[Routes])

    with pytest.raises(ConfigurationError, match="schema name 'Error'"):
        await application.boot()


async def test_reload_with_an_action_that_cannot_be_described_is_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    @attrs.frozen
    class Error:
        text: str

    class Added:
        @http("POST", "/added", "added")
        async def added(self, error: Error) -> None: ...

    client = client_of(Application(bundles=[ApidocsBundle(access="public")], controllers=[Tasks]))
    await client.application.boot()
    await client.application.reload(controllers=[Added])

    assert "schema name 'Error'" in caplog.text
    assert (await client.http("added", body={"text": "a"})).status_code == 200


async def test_document_after_a_reload_has_the_new_routes(client_of: ClientOf) -> None:
    class Added:
        @http("GET", "/added", "added")
        async def added(self) -> None:
            raise NotFoundException

    client = client_of(Application(bundles=[ApidocsBundle(access="public")], controllers=[Tasks]))
    paths: list[Any] = [msgspec.json.decode((await client.http("apidocs_openapi")).content)]
    await client.application.reload(controllers=[Added])
    paths.append(msgspec.json.decode((await client.http("apidocs_openapi")).content))

    assert [list(document["paths"]) for document in paths] == [
        ["/tasks"],
        ["/added", "/tasks"],
    ]
