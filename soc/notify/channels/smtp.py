"""A message and a mail address in, an SMTP server's answer out (RFC 5321; STARTTLS by RFC 3207)."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from soc.calling import SmtpSettings
from soc.clock import to_datetime
from soc.model import Notice
from soc.notify.attempts import Outcome

_PERMANENT = 500
"""Reply codes from here on are final (RFC 5321, 4.2.1)."""


class Smtp:
    """Mail through one server, in threads: Python's SMTP client waits.

    Args:
        settings: of the server.
        parallel: messages under way at once.
    """

    def __init__(self, settings: SmtpSettings, parallel: int) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(parallel, thread_name_prefix="smtp")
        self._context = ssl.create_default_context(cafile=settings.ca_file or None)

    async def send(self, notice: Notice, address: str) -> Outcome:
        """See ``Sender``; ``Message-ID`` is made of the notice's id, so a mailbox can tell a repeat."""
        attempt = _Attempt(self._settings, self._context, mail(notice, self._settings.sender, address))
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                return await loop.run_in_executor(self._threads, attempt.run, address)
        except TimeoutError:
            attempt.abort()
            late = f"no answer within {self._settings.timeout_seconds:g} s"
            return Outcome("uncertain" if attempt.handed_over else "failed", late)

    async def close(self) -> None:
        """See ``Sender``."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Attempt:
    """One connection; ``handed_over`` once the server may have taken the message."""

    def __init__(self, settings: SmtpSettings, context: ssl.SSLContext, data: bytes) -> None:
        self._settings, self._context, self._data = settings, context, data
        self._server: smtplib.SMTP | None = None
        self._aborted = False
        self.handed_over = False

    def run(self, address: str) -> Outcome:
        try:
            self._connect()
            return self._deliver(address)
        except smtplib.SMTPAuthenticationError as error:
            return Outcome("failed", f"the server does not accept the user: {error.smtp_code}")
        except (OSError, smtplib.SMTPException) as error:
            kind = "uncertain" if self.handed_over else "failed"
            return Outcome(kind, f"{type(error).__name__}: {_said(error)}")
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the connection; an attempt that has not handed the message over never will."""
        self._aborted = True
        if self._server is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._server.close()

    def _connect(self) -> None:
        settings = self._settings
        where = settings.host, settings.port
        if settings.security == "tls":
            self._server = smtplib.SMTP_SSL(*where, timeout=settings.timeout_seconds, context=self._context)
        else:
            self._server = smtplib.SMTP(*where, timeout=settings.timeout_seconds)
        if settings.security == "starttls":
            self._server.starttls(context=self._context)
        self._server.ehlo_or_helo_if_needed()
        if settings.username:
            self._server.login(settings.username, settings.password)

    def _deliver(self, address: str) -> Outcome:
        server = self._server
        if server is None or self._aborted:
            raise TimeoutError("given up")
        for what, (code, _) in (
            ("the sender", server.mail(self._settings.sender)),
            ("the recipient", server.rcpt(address)),
        ):
            if code >= 300:
                return Outcome("refused" if code >= _PERMANENT else "failed", f"the server refuses {what}: {code}")
        if self._aborted:
            raise TimeoutError("given up")
        self.handed_over = True
        try:
            code, _ = server.data(self._data)
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
        if code >= 300:
            self.handed_over = False
            return Outcome("refused" if code >= _PERMANENT else "failed", f"the server refuses the message: {code}")
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        return Outcome("sent")


def mail(notice: Notice, sender: str, address: str) -> bytes:
    """The message as it leaves; the same notice gives the same bytes."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = address
    message["Subject"] = notice.subject
    message["Date"] = format_datetime(to_datetime(notice.made))
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(notice.text)
    return message.as_bytes()


def _said(error: Exception) -> str:
    """What went wrong, without what a server may have repeated of ours."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "the connection ended" if isinstance(error, smtplib.SMTPServerDisconnected) else "no use of the server"
