"""Describes HTTP and Socket.IO with OpenAPI 3.1, AsyncAPI 3.0, a page and a TypeScript client."""

from bundles.apidocs.bundle import ApidocsBundle
from bundles.apidocs.documents import Documents
from bundles.apidocs.settings import ApidocsSettings

__all__ = ["ApidocsBundle", "ApidocsSettings", "Documents"]
