"""The compiler accepts the client, whatever the documents contain, and rejects wrong calls."""

from bundles.apidocs.typescript import typescript_client
from tests.bundles.apidocs.typescript.conftest import Compile, client_of_application
from tests.bundles.apidocs.typescript.gallery import create_gallery
from tests.bundles.apidocs.typescript.hostile_documents import ASYNCAPI, NAMES, OPENAPI


async def test_client_of_gallery_is_accepted_and_wrong_calls_are_rejected(
    compile_client: Compile,
) -> None:
    async with create_gallery() as application:
        compile_client(client_of_application(application), "wrong_types.ts")


def test_client_of_hostile_documents_is_accepted_and_declares_nothing_else(
    compile_client: Compile,
) -> None:
    """The texts and names of the documents try to end a comment or a string."""
    client = typescript_client(OPENAPI, ASYNCAPI)

    compiled = (compile_client(client) / "client.js").read_text("utf-8")

    assert "\nexport const hacked" not in compiled
    assert all(char.isprintable() or char == "\n" for char in client)
    assert client.count("satisfies Record<string, Operation>") == 1
    assert sum(f'path: "/names/{at}"' in client for at in range(len(NAMES))) == len(NAMES)
