"""A message and an address in, the answer of a bridge to a chat out: signed JSON over HTTP."""

import json
import ssl

import aiohttp

from soc.calling import WebhookSettings
from soc.clock import Clock, to_iso
from soc.model import Notice
from soc.notify.attempts import Outcome
from soc.notify.signing import IDENTITY, signed

NOT_TAKEN = frozenset({408, 425, 429, 503})
"""Answers that say that the request was not processed (RFC 9110, RFC 8470, RFC 6585)."""


class Webhook:
    """One bridge.

    Args:
        settings: of the bridge.
        clock: the time, which is signed.
    """

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._ssl = ssl.create_default_context(cafile=settings.ca_file or None)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, notice: Notice, address: str) -> Outcome:
        """See ``Sender``; ``Soc-Id`` is the notice's id, so a bridge can tell a repeat."""
        body = json.dumps(content(notice, address), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            IDENTITY: notice.id,
            **signed(self._settings.secret_key, self._clock(), body),
        }
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
            self._session = aiohttp.ClientSession(timeout=timeout)
        try:
            async with self._session.post(
                self._settings.url, data=body, headers=headers, ssl=self._ssl, allow_redirects=False
            ) as answer:
                return _came_of(answer.status)
        except aiohttp.ClientConnectorError:
            return Outcome("failed", "no connection")
        except TimeoutError:
            return Outcome("uncertain", f"no answer within {self._settings.timeout_seconds:g} s")
        except aiohttp.ClientError as error:
            return Outcome("uncertain", type(error).__name__)

    async def close(self) -> None:
        """See ``Sender``."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def content(notice: Notice, address: str) -> dict[str, str]:
    """What a bridge gets."""
    return {
        "id": notice.id,
        "to": address,
        "subject": notice.subject,
        "text": notice.text,
        "reason": notice.reason,
        "made": to_iso(notice.made),
    }


def _came_of(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome("sent")
    told = f"the bridge answers {status}"
    if status in NOT_TAKEN:
        return Outcome("failed", told)
    return Outcome("uncertain" if status >= 500 else "refused", told)
