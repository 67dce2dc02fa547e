"""The keys of access tokens: several verify, one signs."""

from collections.abc import Iterable
from typing import Any

import attrs
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from rxkernel import ConfigurationError

ALGORITHMS: dict[str, tuple[type[OctKey | RSAKey | ECKey | OKPKey], str | None]] = {
    "HS256": (OctKey, None),
    "HS384": (OctKey, None),
    "HS512": (OctKey, None),
    "RS256": (RSAKey, None),
    "RS384": (RSAKey, None),
    "RS512": (RSAKey, None),
    "PS256": (RSAKey, None),
    "ES256": (ECKey, "P-256"),
    "ES384": (ECKey, "P-384"),
    "EdDSA": (OKPKey, "Ed25519"),
    "Ed25519": (OKPKey, "Ed25519"),
}
"""The algorithms that a key may have, each with the type of its key and its curve."""

_SHORTEST_SECRET = {"HS256": 32, "HS384": 48, "HS512": 64}
_SHORTEST_RSA = 2048


class _AnyOfOurs(JWSRegistry):
    """Allows ``EdDSA`` without the warning of the library: RFC 9864 replaces the name by
    ``Ed25519``, but most other libraries know only the old name."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


@attrs.frozen(eq=False)
class SigningKey:
    """One key with its only algorithm: a token cannot select another one.

    Attributes:
        id: its ``kid``; if the file has no ``kid``, the thumbprint (RFC 7638).
        can_sign: whether it is a secret or private key.
        source: the file or the setting that it comes from, for messages.
    """

    id: str
    algorithm: str
    key: Key = attrs.field(repr=False)
    source: str
    registry: JWSRegistry = attrs.field(repr=False)

    @classmethod
    def of(cls, key: Key, source: str) -> "SigningKey":
        """Check *key* and find its algorithm: its ``alg``, or the usual one of its type.

        Raises:
            ConfigurationError: the algorithm is not allowed, or is not one of the type of the key,
                or the key is too short.
        """
        curve = key.get("crv")
        algorithm = key.alg or _usual_algorithm(key, curve)
        expected = ALGORITHMS.get(algorithm)
        if (
            expected is None
            or not isinstance(key, expected[0])
            or expected[1] not in (None, curve)
        ):
            raise ConfigurationError(
                f"{source}: a key of type {key.key_type!r}"
                f"{f' and curve {curve!r}' if curve else ''} cannot be used with the algorithm "
                f"{algorithm!r}; allowed algorithms: {', '.join(ALGORITHMS)}"
            )
        _check_size(key, algorithm, source)
        key.ensure_kid()
        assert key.kid is not None
        return cls(key.kid, algorithm, key, source, _AnyOfOurs(algorithms=[algorithm]))

    @property
    def can_sign(self) -> bool:
        return self.key.is_private


def _usual_algorithm(key: Key, curve: object) -> str:
    if isinstance(key, ECKey):
        return "ES384" if curve == "P-384" else "ES256"
    return {"oct": "HS256", "RSA": "RS256", "OKP": "EdDSA"}[key.key_type]


def _check_size(key: Key, algorithm: str, source: str) -> None:
    if isinstance(key, OctKey):
        size, least, unit = len(key.raw_value), _SHORTEST_SECRET[algorithm], "bytes"
    elif isinstance(key, RSAKey):
        size, least, unit = key.raw_value.key_size, _SHORTEST_RSA, "bits"
    else:
        return
    if size < least:
        raise ConfigurationError(
            f"{source}: the key has {size} {unit}; for {algorithm} it must have at least {least}"
        )


class KeyRing:
    """The keys that verify.

    Attributes:
        signing: the first key that can sign; None if all are public.

    Raises:
        ConfigurationError: two keys have one ``kid``.
    """

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self.keys = tuple(keys)
        self.signing = next((key for key in self.keys if key.can_sign), None)
        self._by_id: dict[str, SigningKey] = {}
        problems = []
        for key in self.keys:
            other = self._by_id.setdefault(key.id, key)
            if other is not key:
                problems.append(
                    f"two keys have the kid {key.id!r}, in {other.source} and {key.source}; "
                    f"remove one, or change its kid"
                )
        if problems:
            raise ConfigurationError(*problems)

    def candidates(self, algorithm: object, id: object) -> tuple[SigningKey, ...]:
        """The keys that may have signed a token with the header ``alg`` and ``kid`` (or None)."""
        if id is None:
            return tuple(key for key in self.keys if key.algorithm == algorithm)
        found = self._by_id.get(id) if isinstance(id, str) else None
        return (found,) if found is not None and found.algorithm == algorithm else ()
