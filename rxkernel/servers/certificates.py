"""The certificates of ``http.tls``: read at boot, chosen by host name (SNI), reloaded when their
files change.
"""

import logging
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic

from rxkernel.exceptions import ConfigurationError
from rxkernel.file_stamp import FileStamp, stamp_of
from rxkernel.host_names import canonical_host, host_matches
from rxkernel.settings import CertificateFiles, TlsSettings

logger = logging.getLogger(__name__)

_CHECK_INTERVAL = 1.0
"""Seconds between two checks for changed files. Only handshakes check."""

_TEST_HOST = "localhost"
"""The host name of the test handshake, which is not compared."""

_Stamp = tuple[FileStamp | None, ...]


class Certificates:
    """The TLS contexts for new connections. Open connections keep theirs."""

    def __init__(self, settings: TlsSettings) -> None:
        self._default = settings.files
        self._hosts = settings.hosts
        self._context: ssl.SSLContext | None = None
        self._stamp: _Stamp = ()
        self._next_check = 0.0

    def load(self) -> None:
        """Read all files, and test a handshake with each certificate. Log a warning for each that
        clients will not accept.

        Raises:
            ConfigurationError: lists every problem; the certificates that were loaded are kept.
        """
        self._stamp = self._read_stamp()
        self._next_check = monotonic() + _CHECK_INTERVAL
        contexts: dict[str, ssl.SSLContext] = {}
        problems: list[str] = []
        warnings: list[tuple[Path, str]] = []
        for host, files in (("", self._default), *self._hosts.items()):
            name = f'http.tls.hosts."{host}"' if host else "http.tls"
            if found := tuple(_problems_of(files, name)):
                problems += found
                continue
            try:
                contexts[host] = context = _new_context(files)
                if reason := _reason_to_refuse(context, files, host):
                    warnings.append((files.certificate, reason))
            except OSError as exc:  # errors of OpenSSL derive from it
                problems.append(_describe(exc, files, name))
        if problems:
            raise ConfigurationError(*problems)
        for path, reason in warnings:
            logger.warning("clients will not accept the TLS certificate %s: %s", path, reason)
        default = contexts.pop("")
        default.sni_callback = _ContextByHost(contexts).select
        self._context = default

    def reload(self) -> None:
        """Read all files again. An error is logged, and the old certificates stay in use."""
        try:
            self.load()
        except ConfigurationError as exc:
            logger.warning("the TLS certificates were not reloaded: %s", "; ".join(exc.problems))
        else:
            logger.info("the TLS certificates were reloaded")

    def context(self) -> ssl.SSLContext:
        """Return the context for the next handshake. Call `load` first."""
        if monotonic() >= self._next_check:
            self._next_check = monotonic() + _CHECK_INTERVAL
            if self._read_stamp() != self._stamp:
                self.reload()
        assert self._context is not None, "call load() first"
        return self._context

    def _read_stamp(self) -> _Stamp:
        """Return a value that changes when a file is written or replaced."""
        return tuple(
            stamp_of(path)
            for files in (self._default, *self._hosts.values())
            for path in (files.certificate, files.key)
        )


class _ContextByHost:
    """Selects the context of the host name that a client sends (SNI, RFC 6066 §3)."""

    def __init__(self, contexts: Mapping[str, ssl.SSLContext]) -> None:
        by_name = {canonical_host(host) or host: context for host, context in contexts.items()}
        self._exact = {host: c for host, c in by_name.items() if not host.startswith("*.")}
        self._wildcards = sorted(by_name.keys() - self._exact.keys(), key=len, reverse=True)
        self._contexts = by_name

    def select(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """Without a context for *name*, the default certificate stays."""
        host = canonical_host(name) if name else None
        if host is None:
            return
        pattern = next((p for p in self._wildcards if host_matches(p, host)), None)
        found = self._exact.get(host) or (self._contexts[pattern] if pattern else None)
        if found is not None:
            connection.context = found


def _problems_of(files: CertificateFiles, name: str) -> Iterator[str]:
    """The problems that OpenSSL would not report, or without the name of the file."""
    for attribute, label, path in (
        ("certificate", b"CERTIFICATE-----", files.certificate),
        ("key", b"PRIVATE KEY-----", files.key),
    ):
        where = f"{name}.{attribute}"
        try:
            content = path.read_bytes()
        except OSError as exc:
            yield (
                f"{where}: cannot read {path}: {exc.strerror}; set it to a PEM file that this "
                f"process may read"
            )
            continue
        if label not in content:
            yield (
                f"{where}: {path} has no {'certificate' if attribute == 'certificate' else 'key'}"
                f' in PEM format; it must have a line "-----BEGIN …{label.decode()}"'
            )
        elif attribute == "key" and b"ENCRYPTED" in content:
            yield f"{where}: {path} is encrypted; remove its password (openssl pkey)"


def _new_context(files: CertificateFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(files.certificate, files.key, password="")
    return context


class _HandshakeError(ssl.SSLError):
    """The test handshake failed for another reason than trust."""


def _describe(exc: OSError, files: CertificateFiles, name: str) -> str:
    reason = getattr(exc, "reason", None) or exc.strerror or str(exc)
    if "MISMATCH" in reason:
        return (
            f"{name}.key: {files.key} does not match the first certificate in "
            f"{files.certificate}; set it to the key of that certificate"
        )
    reason = reason.replace("_", " ").lower()
    if isinstance(exc, _HandshakeError):
        return (
            f"{name}: {files.certificate} cannot be used: a test of the TLS handshake failed: "
            f"{reason}; use a certificate whose type of key clients accept, such as RSA with 2048 "
            f"bits or P-256"
        )
    return (
        f"{name}: {files.certificate} and {files.key} cannot be used: {reason}; use a "
        f"certificate with its chain, and its key"
    )


def _reason_to_refuse(context: ssl.SSLContext, files: CertificateFiles, host: str) -> str | None:
    """Return the reason why clients will not accept the certificate, or None.

    Even if they trust its issuer, they reject a certificate that has expired, is not valid yet, is
    not for servers, or not for *host*.

    Raises:
        _HandshakeError: no handshake is possible.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = bool(host) and not host.startswith("*.")
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the file is its own trust anchor
    client.load_verify_locations(files.certificate)
    try:
        _shake_hands(context, client, canonical_host(host) if client.check_hostname else None)
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_message
    except ssl.SSLError as exc:
        raise _HandshakeError(exc.errno, exc.reason) from exc
    return None


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str | None) -> None:
    """Run a handshake in memory, until *client* has verified the certificate of *server*."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=host or _TEST_HOST)
    for side in (theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
