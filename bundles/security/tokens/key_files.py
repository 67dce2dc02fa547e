"""Reads keys from PEM and JWKS files, and creates the file of the first start."""

import json
import logging
import os
import stat
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as EcPrivate
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as EcPublic
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

from bundles.security.token_settings import TokenSettings
from bundles.security.tokens.keys import ALGORITHMS, KeyRing, SigningKey
from rxkernel import ConfigurationError

_LOGGER = logging.getLogger(__name__)


_NEW_SIZES = {"HS256": 256, "HS384": 384, "HS512": 512} | dict.fromkeys(
    ("RS256", "RS384", "RS512", "PS256"), 2048
)
"""In bits; for other algorithms the curve determines the size."""


def load_keys(settings: TokenSettings) -> KeyRing:
    """The keys of *settings*: *secret*, then *keys*; without both *key_file*, which is created if
    it does not exist.

    Raises:
        ConfigurationError: every problem of every file.
    """
    paths = settings.keys
    if settings.secret is None and not paths:
        ensure_key_file(settings.key_file)
        paths = (settings.key_file,)
    found: list[SigningKey] = []
    exposed: list[Path] = []
    problems: list[ConfigurationError] = []
    if settings.secret is not None:
        found.append(_key_of_secret(settings.secret))
    for path in paths:
        try:
            keys = read_keys(path)
            found += keys
            if _is_exposed(path, keys):
                exposed.append(path)
        except ConfigurationError as error:
            problems.append(error)
    if problems:
        raise ConfigurationError.merge(problems)
    _warn(exposed)
    return KeyRing(found)


def _key_of_secret(secret: str) -> SigningKey:
    name = "security.tokens.secret"
    try:
        return SigningKey.of(OctKey.import_key(secret), name)
    except ValueError as error:
        raise ConfigurationError(
            f"{name} is a public key; write its path into security.tokens.keys"
        ) from error


def read_keys(path: Path) -> list[SigningKey]:
    """The keys in *path*: a JWKS or one JWK if it begins with ``{``, else PEM.

    Raises:
        ConfigurationError: it cannot be read. The message does not contain parts of a key.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"security.tokens.keys: the file {str(path)!r} cannot be read: {error.strerror}"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of short keys, which are refused
            keys = list(_jwks(data) if data.lstrip().startswith(b"{") else _pem(data))
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"security.tokens.keys: the file {str(path)!r} has no usable key; it must be a JWKS "
            f"or a PEM file, without a passphrase"
        ) from error
    if not keys:
        raise ConfigurationError(f"security.tokens.keys: the file {str(path)!r} has no key")
    return [SigningKey.of(key, str(path)) for key in keys]


def _is_exposed(path: Path, keys: list[SigningKey]) -> bool:
    """Whether *path* has a key that can sign, and all users of the machine can read it."""
    return any(key.can_sign for key in keys) and bool(path.stat().st_mode & stat.S_IROTH)


def _warn(exposed: list[Path]) -> None:
    if exposed:
        _LOGGER.warning(
            "every user of this machine can read keys that sign access tokens; run: chmod 600 %s",
            " ".join(str(path) for path in exposed),
        )


def _jwks(data: bytes) -> Iterator[Key]:
    content: Any = json.loads(data)
    for entry in content.get("keys", [content]):
        if entry.get("use", "sig") == "sig":
            yield JWKRegistry.import_key(entry)


def _pem(data: bytes) -> Iterator[Key]:
    native: Any
    if b"PRIVATE KEY" in data:
        native = load_pem_private_key(data, password=None)
    elif b"CERTIFICATE" in data:
        native = load_pem_x509_certificate(data).public_key()
    else:
        native = load_pem_public_key(data)
    if isinstance(native, RSAPrivateKey | RSAPublicKey):
        yield RSAKey.import_key(native)
    elif isinstance(native, EcPrivate | EcPublic):
        yield ECKey.import_key(native)
    else:
        yield OKPKey.import_key(native)


def new_key(algorithm: str) -> Key:
    """A new private or secret key for *algorithm*, with ``alg``, ``use`` and a ``kid``."""
    kind, curve = ALGORITHMS[algorithm]
    size: Any = curve or _NEW_SIZES[algorithm]
    key = JWKRegistry.generate_key(kind.key_type, size, {"alg": algorithm, "use": "sig"})
    key.ensure_kid()
    return key


def add_key(path: Path, algorithm: str) -> Key:
    """Put a new key first in the JWKS file *path*, so that it signs, and the others verify.

    Raises:
        ConfigurationError: the file exists and is not a JWKS, or cannot be written.
    """
    key = new_key(algorithm)
    old = (
        [found.key.as_dict(private=found.can_sign) for found in read_keys(path)]
        if (path.exists())
        else []
    )
    _write(path, _text_of(key, *old), replace=True)
    return key


def _text_of(key: Key, *others: Any) -> str:
    return json.dumps({"keys": [key.as_dict(private=True), *others]}, indent=2) + "\n"


def jwks_of(key: Key) -> str:
    """The JWKS file with *key* alone."""
    return _text_of(key)


def ensure_key_file(path: Path) -> None:
    """Create the file of keys if it does not exist. If several processes do so at the same time,
    the first one creates it, and the others use it."""
    if path.exists():
        return
    if _write(path, _text_of(new_key("HS256")), replace=False):
        _LOGGER.warning(
            "created a key for access tokens in %s; if the application runs on several machines, "
            "set security.tokens.keys to a file that they share",
            path,
        )


def _write(path: Path, text: str, *, replace: bool) -> bool:
    """Write *text* with mode 600, atomically; False if *path* exists and *replace* is false."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            if replace:
                os.replace(name, path)
                return True
            os.link(name, path)
        except FileExistsError:
            return False
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the file of keys {str(path)!r} cannot be written: {error.strerror}; set "
            f"security.tokens.keys or security.tokens.secret"
        ) from error
    return True
