"""The facts of the bundle security: the credentials as security schemes, and the access rules."""

from typing import Any

from injector import inject

from bundles.apidocs.operations import Access, Security
from bundles.security import AcceptedCredentials, access_of, takes_optional_user
from rxkernel import Definition, HttpDefinition

_SAFE = ("GET", "HEAD", "OPTIONS")

Schemes = dict[str, dict[str, Any]]


class SecurityFacts:
    """The schemes of the application, and the rules of its definitions."""

    @inject
    def __init__(self, accepted: AcceptedCredentials) -> None:
        self._accepted = accepted

    @property
    def openapi_schemes(self) -> Schemes:
        found: Schemes = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An access token."}
        }
        if scheme := self._accepted.token_scheme:
            found["token"] = {"type": "http", "scheme": scheme, "description": "An access token."}
        if self._accepted.basic:
            found["basic"] = {"type": "http", "scheme": "basic"}
        if header := self._accepted.api_key_header:
            found["apiKey"] = {"type": "apiKey", "in": "header", "name": header}
        if parameter := self._accepted.query_parameter:
            found["queryToken"] = {"type": "apiKey", "in": "query", "name": parameter}
        if cookie := self._accepted.session_cookie:
            found["session"] = {
                "type": "apiKey",
                "in": "cookie",
                "name": cookie,
                "description": "The session of a login with `session`.",
            }
        return found

    @property
    def asyncapi_schemes(self) -> Schemes:
        found = {
            name: {**scheme, "type": "httpApiKey"} if scheme["type"] == "apiKey" else scheme
            for name, scheme in self.openapi_schemes.items()
        }
        found["bearer"] = {
            **found["bearer"],
            "description": "An access token, as `auth.token` of the connection.",
        }
        return found

    def of(self, definition: Definition) -> Access:
        """Describe the access rule of *definition*."""
        rule = access_of(definition)
        statuses = {403} if self._may_be_cross_site(definition) else set()
        if rule.level == "public":
            is_optional = takes_optional_user(definition)
            security: Security = [{}, *self._each([])] if is_optional else []
            statuses |= {401, 403} if rule.gate else set()
        else:
            security = [each for role in self._roles(rule) for each in self._each(role)]
            statuses.add(401)
            if rule.roles or rule.policy or rule.gate or rule.level == "fully_authenticated":
                statuses.add(403)
        return Access(security=security, rule=repr(rule), statuses=tuple(sorted(statuses)))

    @staticmethod
    def _roles(rule: Any) -> list[list[str]]:
        return [[role] for role in sorted(rule.roles)] or [[]]

    def _each(self, roles: list[str]) -> Security:
        return [{name: roles} for name in self.openapi_schemes]

    def _may_be_cross_site(self, definition: Definition) -> bool:
        """Whether messages with a cookie from pages of other sites may be refused."""
        return (
            self._accepted.guards_cross_site
            and isinstance(definition, HttpDefinition)
            and definition.method not in _SAFE
        )
