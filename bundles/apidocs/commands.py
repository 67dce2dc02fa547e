"""``rxkernel schema``: prints the documents, and compares them with a file."""

import asyncio

import click

from bundles.apidocs.documents import Document, Documents, encoded
from rxkernel import Application


@click.group("schema")
def schema() -> None:
    """Print what clients can call, and check that a change does not break them."""


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


def documents_of(application: Application) -> tuple[Document, Document]:
    """Boot *application*, without a server, and return both documents."""
    return asyncio.run(_documents_of(application))


async def _documents_of(application: Application) -> tuple[Document, Document]:
    async with application:
        documents = application.injector.get(Documents)
        return documents.openapi, documents.asyncapi
