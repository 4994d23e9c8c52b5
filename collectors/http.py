"""One HTTP port in, the records of every protocol spoken on it out; a success answer means durable.

POST /ingest, /gelf               NDJSON, a JSON array; GELF                 http_lines
POST /_bulk, /{index}/_bulk       Elasticsearch's bulk API                   http_bulk
POST /services/collector/...      Splunk's HTTP Event Collector              http_hec
"""

import asyncio

from aiohttp import web

from collectors import http_bulk, http_hec, http_lines
from collectors.base import Endpoint
from collectors.http_bulk_ids import BulkIds
from collectors.http_keys import Keys
from collectors.http_port import Port
from collectors.intake import Intake
from collectors.sockets import endpoint_of, listen_tcp
from collectors.tls import FollowedContext, TlsFiles
from soc.clock import Clock

STOP_TIMEOUT = 10.0  # seconds a stop waits for requests under way


class HttpIngest:
    """One HTTP port.

    Args:
        intake: where records become durable.
        name: the listener's name, on every record.
        host: address to bind; ``::`` takes IPv4 too.
        port: 0 picks a free one.
        token: what a sender must show; not empty.
        profile: source profile of every record, ``""`` to find it later.
        source: key of every record; ``""`` takes the sender's address.
        max_body: bytes of a body, after decompression.
        max_bytes: a longer record is cut and marked.
        clock: stamps the records.
        tls: the certificate of HTTPS; None for HTTP in the clear.

    Raises:
        ValueError: the token is empty.
        SettingsError: the certificate cannot be used.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        name: str,
        host: str,
        port: int,
        token: str,
        clock: Clock,
        profile: str = "",
        source: str = "",
        max_body: int = 16 * 1024 * 1024,
        max_bytes: int = 1024 * 1024,
        tls: TlsFiles | None = None,
    ) -> None:
        self._port = Port(
            intake,
            name=name,
            token=token,
            clock=clock,
            profile=profile,
            source=source,
            max_body=max_body,
            max_bytes=max_bytes,
        )
        self.name = name
        self.counters = self._port.counters
        self.ready = asyncio.Event()
        self.address: Endpoint | None = None
        self._intake = intake
        self._bind = (host, port)
        self._tls = None if tls is None else FollowedContext(tls, name, self.counters)

    async def run(self) -> None:
        """See ``Collector.run``."""
        await self._intake.ready.wait()
        port, keys, ids = self._port, Keys(self._port), BulkIds(self._port)
        keys.restore()
        ids.restore()
        application = web.Application(middlewares=[http_lines.json_errors], client_max_size=port.max_body + 1)
        for routes in (http_lines.routes(port, keys), http_hec.routes(port, keys), http_bulk.routes(port, ids)):
            application.add_routes(routes)
        runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            auto_decompress=False,
            shutdown_timeout=STOP_TIMEOUT,
            keepalive_timeout=75.0,
        )
        with self._intake.attached():
            sock = listen_tcp(*self._bind)
            self.address = endpoint_of(sock)
            await runner.setup()
            try:
                await web.SockSite(runner, sock, ssl_context=self._tls).start()
                self.ready.set()
                await asyncio.get_running_loop().create_future()
            finally:
                port.stopping = True
                await runner.cleanup()
                sock.close()
