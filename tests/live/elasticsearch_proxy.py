"""Stands before a real Elasticsearch: requests in, the server's answers out, or for bulk requests what a test puts in their place."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO

from aiohttp import ClientError, ClientSession, web

REJECTED = {"type": "es_rejected_execution_exception", "reason": "the queue is full"}


def refused(status: int) -> tuple[int, object]:
    """A whole request refused for now."""
    return status, {"error": REJECTED, "status": status}


class Proxy:
    """One proxy in the event loop of the test.

    Attributes:
        bulks: how many bulk requests came.
        answer: given the number of the bulk request (from 1) and its body: the answer in the server's place, or None.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self.bulks = 0
        self.answer: Callable[[int, bytes], tuple[int, object] | None] = lambda *_: None

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        body = await request.read()
        if request.path == "/_bulk":
            self.bulks += 1
            if given := self.answer(self.bulks, body):
                return web.json_response(given[1], status=given[0], headers={"X-Elastic-Product": "Elasticsearch"})
        headers = {name: value for name, value in request.headers.items() if name in {"Content-Type", "Accept"}}
        url = f"{self._target}{request.rel_url}"
        try:
            # BytesIO: of a large body in bytes aiohttp warns, and a warning is an error in the tests
            async with self._session.request(request.method, url, data=BytesIO(body), headers=headers) as answer:
                passed = {n: v for n, v in answer.headers.items() if n.lower() in {"content-type", "x-elastic-product"}}
                return web.Response(status=answer.status, body=await answer.read(), headers=passed)
        except ClientError:
            return web.Response(status=502)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its address, while the block lasts."""
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=1)
        async with ClientSession() as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            try:
                yield f"http://127.0.0.1:{runner.addresses[0][1]}"
            finally:
                await runner.cleanup()
