"""What stands between a forwarder and its receiver and breaks: a TLS server on this machine that passes requests on, or not.

Each request has a connection of its own, so a fault is drawn for a request: of a POST from ``posts``, of a GET from ``gets``; when
a list is empty, requests pass.

    pass         to the receiver and back          slow         the same, after a while
    stall        taken and never answered          stall_after  passed on, and never answered
    halfway      cut in the middle of the body: the receiver sees nothing of it
    lost         passed on, and cut before the answer
    cut          passed on, and the answer cut in its middle
    a number     answered with that status, with ``Retry-After: 1`` where it is 429; the receiver sees nothing
"""

import asyncio
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

SLOW_SECONDS = 0.15
STALL_SECONDS = 30.0


class Between:
    """A running one; ``url`` is the receiver's address through it."""

    def __init__(self, receiver_url):
        self._to = urlsplit(receiver_url)
        self._server, self._port = None, 0
        self.posts, self.gets = [], []
        self.seen = []

    @property
    def url(self):
        return f"https://127.0.0.1:{self._port}{self._to.path}"

    async def listen(self, context):
        """Serve with this certificate from now on, on the port it had before."""
        await self.close()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, ssl=context)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self):
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _connected(self, reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._one(reader, writer)
        writer.transport.abort()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        post = head.startswith(b"POST")
        plan = self.posts if post else self.gets
        fault = plan.pop(0) if plan else "pass"
        self.seen.append(("POST" if post else "GET", fault))
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if fault == "halfway":
            await reader.readexactly(length // 2)
            return
        request = head + await reader.readexactly(length)
        if isinstance(fault, int):
            wait = b"Retry-After: 1\r\n" if fault == 429 else b""
            body = b'{"error":"told to"}'
            writer.write(b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (fault, wait, len(body), body))
            await writer.drain()
            writer.write_eof() if writer.can_write_eof() else None
            return
        if fault == "stall":
            await asyncio.sleep(STALL_SECONDS)
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        answer = await self._passed(request)
        if fault == "stall_after":
            await asyncio.sleep(STALL_SECONDS)
        if fault != "lost":
            writer.write(answer[: len(answer) - 20] if fault == "cut" else answer)
            await writer.drain()

    async def _passed(self, request):
        """The receiver's whole answer."""
        context = None
        if self._to.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection(self._to.hostname, self._to.port, ssl=context)
        head, _, body = request.partition(b"\r\n\r\n")
        writer.write(head + b"\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        answer = await reader.read(-1)
        writer.transport.abort()
        return answer
