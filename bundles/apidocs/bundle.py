"""What the bundle adds to an application."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from injector import Binder, singleton

from bundles.apidocs.commands import schema
from bundles.apidocs.documents import Documents, Names
from bundles.apidocs.page import PageRoutes
from bundles.apidocs.routes import DocumentController, DocumentRoutes, DocumentRule
from bundles.apidocs.settings import ApidocsSettings
from rxkernel import Bundle

_NO_NAMES: Mapping[Any, str] = MappingProxyType({})


class ApidocsBundle(Bundle):
    """Describes the application with OpenAPI 3.1, AsyncAPI 3.0, a page and a TypeScript client.

    Args:
        access: the access rule for the documents and the page: ``"public"``, or a rule of the
            bundle security, such as ``access(roles="admin")``. Without it, they are not served.
        names: other names for classes in the documents, for classes with the same name.
    """

    name = "apidocs"
    after = ("security", "contracts")
    listeners = (DocumentRoutes, DocumentController, PageRoutes)
    commands = (schema,)
    settings_class = ApidocsSettings
    provides = (Documents,)

    def __init__(self, *, access: object = None, names: Mapping[Any, str] = _NO_NAMES) -> None:
        self._access = access
        self._names = names

    def configure(self, binder: Binder) -> None:
        binder.bind(Names, to=Names(self._names))
        binder.bind(DocumentRule, to=DocumentRule(self._access))
        binder.bind(Documents, scope=singleton)
        binder.bind(DocumentController, scope=singleton)
