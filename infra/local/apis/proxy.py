"""The door by which unchanged clients come: a proxy that takes connections to googleapis.com for its own.

A client that is told of it (`grpc_proxy`) asks it for a tunnel to a host, `CONNECT secretmanager.googleapis.com:443`
(RFC 9110, 9.3.6), as the user whose name is the secret of its own address. A host of Google's interfaces is answered
here, under a certificate of the stack's own authority, by gRPC or by HTTP, whichever the client speaks. To every other
host it is tunnelled, untouched.
"""

import asyncio
import base64
import re
import ssl

from infra.local.apis.identity import Identity, behind
from infra.local.apis.grpc_side import GrpcSide, pump
from infra.local.certificates import Certificates
from infra.local.apis.roots import certificates
from infra.local.cloud import Cloud
from infra.local.supervisor.kept_server import in_memory

_HEAD_SECONDS, _CONNECT_SECONDS = 10.0, 10.0
_USER = re.compile(rb"\r\nProxy-Authorization: Basic ([A-Za-z0-9+/=]+)\r\n", re.IGNORECASE)
_REFUSED = (
    b'HTTP/1.1 %s\r\nProxy-Authenticate: Basic realm="local cloud"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
)
_ASKED = re.compile(rb"CONNECT ([A-Za-z0-9.-]{1,253}):(\d{1,5}) HTTP/1\.[01]\r\n")
_GOOGLE = ".googleapis.com"


class Proxy:
    """Serves one listening socket."""

    def __init__(self, cloud: Cloud, grpc: GrpcSide, http: int) -> None:
        self._cloud, self._grpc, self._http = cloud, grpc, http
        self._secure = _server_context(certificates(cloud))

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client: the tunnel that it asks for, to its end."""
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            asked, user = _ASKED.match(head), self._user(head)
            if asked is None or user is None:
                how = b"405 Method Not Allowed" if asked is None else b"407 Proxy Authentication Required"
                writer.write(_REFUSED % how)
                return
            host, port = asked[1].decode(), int(asked[2])
            if host.endswith(_GOOGLE):
                await self._answered_here(user, reader, writer)
            else:
                await _tunnelled(host, port, reader, writer)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            writer.close()

    def _user(self, head: bytes) -> Identity | None:
        """Whose address was given as the user's name."""
        found = _USER.search(head)
        try:
            name = base64.b64decode(found[1]).decode().partition(":")[0] if found else ""
        except ValueError:
            return None
        return behind(self._cloud, name)

    async def _answered_here(self, user: Identity, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(self._secure)
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        await self._grpc.relay(reader, writer, user, 0 if chosen == "h2" else self._http)


async def _tunnelled(host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            inner, out = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
    await asyncio.gather(pump(reader, out), pump(inner, writer))


def _server_context(own: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    with in_memory(own.key + own.certificate) as (kept,):
        context.load_cert_chain(f"/proc/self/fd/{kept}")
    return context
