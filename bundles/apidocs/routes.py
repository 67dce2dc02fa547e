"""Serves the documents, if the bundle has an access rule for them."""

import asyncio
from importlib import import_module

import attrs
from injector import inject

from bundles.apidocs.documents import Document, Documents, OwnController, encoded, is_own
from rxkernel import (
    DOCUMENTATION,
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    CompiledEvent,
    ConfigurationError,
    DefinitionEvent,
    Documentation,
    HttpMetadata,
    KernelEvents,
    Response,
    observe,
)

_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-cache"}


@attrs.frozen
class DocumentRule:
    """The access rule of the routes of this bundle; None: the routes are not added."""

    rule: object = None

    @property
    def is_public(self) -> bool:
        return self.rule == "public"

    def check(self, *, has_security: bool) -> None:
        """Check that the bundle security is enabled if the rule needs it.

        Raises:
            ConfigurationError: it is not enabled.
        """
        if not (self.rule is None or self.is_public or has_security):
            raise ConfigurationError(
                f"ApidocsBundle(access={self.rule!r}): without the bundle security, access must "
                f"be 'public', or left out to serve nothing; for another rule enable the bundle: "
                f"Application(bundles=[SecurityBundle(…)])"
            )

    @property
    def options(self) -> dict[str, object]:
        """The options of routes with the rule; see `DocumentRoutes.mark`."""
        if self.is_public:
            return {}
        return {"access": _access(self.rule) if isinstance(self.rule, str) else self.rule}


def _access(level: str) -> object:
    """Return the rule *level* of the bundle security, which is imported only if it is enabled."""
    return import_module("bundles.security").access(level)


class DocumentController(OwnController):
    """``/openapi.json`` and ``/asyncapi.json``, encoded at the first request."""

    @inject
    def __init__(self, documents: Documents, rule: DocumentRule) -> None:
        self._documents = documents
        self._rule = rule
        self._encoded: dict[str, tuple[Document, bytes]] = {}

    def openapi(self) -> Response:
        """Send the document. It runs in a thread, like `asyncapi`, because making the documents
        for 1,000 routes takes almost a second."""
        return self._response("openapi")

    def asyncapi(self) -> Response:
        return self._response("asyncapi")

    def _response(self, kind: str) -> Response:
        document: Document = getattr(self._documents, kind)
        known = self._encoded.get(kind)
        if known is None or known[0] is not document:
            known = self._encoded[kind] = document, encoded(document)
        return Response(known[1], headers=_HEADERS)

    @observe(KernelEvents.KERNEL_COMPILED)
    async def compiled(self, event: CompiledEvent) -> None:
        """Check that everything can be described. Otherwise boot fails, or a reload logs it.

        It runs in a thread, because clients send requests while the application reloads.
        """
        if self._rule.rule is not None:
            await asyncio.to_thread(self._documents.make)


class DocumentRoutes:
    """Adds the routes."""

    @inject
    def __init__(self, rule: DocumentRule, controller: DocumentController) -> None:
        self._rule = rule
        self._controller = controller

    @observe(ApplicationEvents.BOOTSTRAP)
    async def add(self, event: BootstrapEvent) -> None:
        bundles = [each for each in event.services if isinstance(each, Bundle)]
        self._rule.check(has_security=any(each.name == "security" for each in bundles))
        if self._rule.rule is not None:
            for name in ("openapi", "asyncapi"):
                event.http_metadata_storage.add(
                    HttpMetadata(
                        target=self._controller,
                        name=f"apidocs_{name}",
                        path=f"/{name}.json",
                        http_method="GET",
                        action=name,
                        options=self._rule.options,
                    )
                )

    @observe(KernelEvents.KERNEL_DEFINITION, priority=2000, only=is_own)
    async def mark(self, event: DefinitionEvent) -> None:
        """Exclude the routes of this bundle from the documents. With the rule ``"public"``, also
        mark them as routes that need no access rule, so that they work without the bundle
        security."""
        event.set_option(DOCUMENTATION, Documentation(is_listed=False))
        if self._rule.is_public:
            event.set_option("public", True)
