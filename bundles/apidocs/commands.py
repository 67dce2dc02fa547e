"""``rxkernel schema``: prints the documents, and compares them with a file."""

import asyncio
import json
from pathlib import Path

import click

from bundles.apidocs.comparison import breaking_changes
from bundles.apidocs.documents import Document, Documents, encoded
from bundles.apidocs.typescript import typescript_client
from rxkernel import Application, ConfigurationError


@click.group("schema")
def schema() -> None:
    """Print the documents for clients, and check that a change does not break clients."""


@schema.command("openapi")
@click.pass_obj
def openapi(application: Application) -> None:
    """Print the OpenAPI 3.1 document of the HTTP routes."""
    click.echo(encoded(documents_of(application)[0]), nl=False)


@schema.command("asyncapi")
@click.pass_obj
def asyncapi(application: Application) -> None:
    """Print the AsyncAPI 3.0 document of the Socket.IO events."""
    click.echo(encoded(documents_of(application)[1]), nl=False)


@schema.command("typescript")
@click.pass_obj
def typescript(application: Application) -> None:
    """Print a client in TypeScript, which needs the package socket.io-client."""
    click.echo(typescript_client(*documents_of(application)), nl=False)


def documents_of(application: Application) -> tuple[Document, Document]:
    """Boot *application*, without a server, and return both documents."""
    return asyncio.run(_documents_of(application))


async def _documents_of(application: Application) -> tuple[Document, Document]:
    async with application:
        documents = application.injector.get(Documents)
        return documents.openapi, documents.asyncapi


@schema.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def check(application: Application, file: Path) -> None:
    """Compare the application with FILE, a document that was printed before.

    If changes break clients of FILE, it lists them and exits with the status 1.
    """
    old = _read(file)
    new = next(d for d in documents_of(application) if kind_of(d) == kind_of(old))
    changes = breaking_changes(old, new)
    for change in changes:
        click.echo(change)
    count = f"{len(changes)} breaking change{'s' if len(changes) > 1 else ''}"
    click.echo(count if changes else "no breaking changes")
    if changes:
        raise SystemExit(1)


def _read(file: Path) -> Document:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{file} cannot be read as JSON: {exc}") from exc
    if not isinstance(found, dict) or kind_of(found) is None:
        raise ConfigurationError(
            f"{file} is not a document of rxkernel; make it with: "
            f"python -m rxkernel schema openapi > {file}"
        )
    return found


def kind_of(document: Document) -> str | None:
    """Return the key that identifies the kind of *document*; None if the key is missing."""
    return next((kind for kind in ("openapi", "asyncapi") if kind in document), None)
