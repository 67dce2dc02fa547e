"""Certificates for the tests of TLS, and clients that verify them."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from rxkernel import CertificateFiles, TlsSettings

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


class Authority:
    """Issues certificates into *directory*, and trusts them as a client."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._ca = trustme.CA()
        self.certificate = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.certificate))

    def issue(
        self, name: str, *hosts: str, not_after: datetime | None = None, **parts: Path
    ) -> CertificateFiles:
        """Write a certificate for *hosts* and its key, as ``name.pem`` and ``name.key``; replace
        the files if they exist."""
        issued = self._ca.issue_cert(*(hosts or ("127.0.0.1",)), not_after=not_after)
        files = CertificateFiles(
            certificate=parts.get("certificate", self.directory / f"{name}.pem"),
            key=parts.get("key", self.directory / f"{name}.key"),
        )
        files.certificate.write_bytes(b"".join(b.bytes() for b in issued.cert_chain_pems))
        files.key.write_bytes(issued.private_key_pem.bytes())
        return files

    def client(self) -> ssl.SSLContext:
        """A context that trusts only this authority and checks host names."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.verify_mode = ssl.CERT_REQUIRED
        return context


class TlsClient:
    """TLS without a transport, so nothing is sent or closed automatically."""

    def __init__(self, client: socket.socket, context: ssl.SSLContext) -> None:
        self.incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(
            self.incoming, self._outgoing, server_hostname=client.getpeername()[0]
        )
        self._client = client

    async def send(self, data: bytes) -> None:
        self.object.write(data)
        await self.flush()

    async def flush(self) -> None:
        await asyncio.get_running_loop().sock_sendall(self._client, self._outgoing.read())

    async def receive(self) -> bytes:
        """Return encrypted data; empty after the end of the connection."""
        async with asyncio.timeout(20):
            return await asyncio.get_running_loop().sock_recv(self._client, 65536)


def tls_settings(files: CertificateFiles, **rest: object) -> TlsSettings:
    return TlsSettings(certificate=files.certificate, key=files.key, **rest)  # type: ignore[arg-type]


async def shake_hands(client: socket.socket, context: ssl.SSLContext) -> TlsClient:
    """Return a TLS client on the connected *client*, which does only what the test calls."""
    client.setblocking(False)
    tls = TlsClient(client, context)
    while True:
        try:
            tls.object.do_handshake()
        except ssl.SSLWantReadError:
            await tls.flush()
            tls.incoming.write(await tls.receive())
        else:
            await tls.flush()
            return tls


async def names_served(port: int, authority: Authority, host: str) -> set[str]:
    """The names in the certificate that the server of *port* sends for *host* (SNI); it is
    verified."""
    async with asyncio.timeout(20):
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=authority.client(), server_hostname=host
        )
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return {name for _, name in certificate["subjectAltName"]}
