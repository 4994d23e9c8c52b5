"""Frames in, one TLS connection out (RFC 5425), and what can be known of it.

Syslog has no acknowledgement. ``sent`` means: TLS was made with the certificate that was asked for, every byte was taken in by the
receiver's machine (its TCP has acknowledged them), and for a moment after that it neither cut the connection nor complained. What
its program made of them only the daily count tells. Each sending has a connection of its own.
"""

import array
import asyncio
import fcntl
import socket
import ssl
import termios
from collections.abc import Callable

from soc.forward.bindings.http import short
from soc.sharing.delivery import Sending
from soc.sharing.outbox import Outcome
from soc.sharing_receiver import SharingReceiver

GRACE_SECONDS = 0.5
"""With TLS 1.3 a server looks at our certificate after we may write (RFC 8446 section 4.4.2): a complaint takes a round trip."""
LOOK_SECONDS = 0.02


class SyslogTls:
    """One receiver of syslog over TLS."""

    def __init__(self, receiver: SharingReceiver) -> None:
        host, _, port = receiver.url.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._receiver = receiver

    async def send(self, sending: Sending, may_leave: Callable[[], bool]) -> Outcome:
        """Write the frames once, if they may still leave when the connection is made."""
        try:
            context = await asyncio.to_thread(self._context)
        except (OSError, ssl.SSLError) as error:
            return Outcome("unauthorized", f"certificate: the receiver's TLS files cannot be used: {short(error)}")
        seconds = self._receiver.timeout_seconds
        try:
            async with asyncio.timeout(seconds / 2):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=context, ssl_shutdown_timeout=GRACE_SECONDS
                )
        except ssl.SSLError as error:  # its kind for certificates is among them
            return Outcome("unauthorized", f"certificate: {short(error)}")
        except (TimeoutError, OSError) as error:
            return Outcome("unavailable", f"no connection: {short(error)}")
        try:
            if not may_leave():
                late = "not sent: it took too long from the decision to send until the bytes could leave"
                return Outcome("unavailable", late)
            async with asyncio.timeout(seconds):
                return await _write(reader, writer, sending.data)
        except ssl.SSLError as error:
            return Outcome("unauthorized", f"the receiver refused us: {short(error)}")
        except (TimeoutError, OSError) as error:
            return Outcome("lost", f"the connection did not last: {short(error)}")
        finally:
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    def _context(self) -> ssl.SSLContext:
        receiver = self._receiver
        context = ssl.create_default_context(cafile=receiver.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if receiver.certificate_file:
            context.load_cert_chain(receiver.certificate_file, receiver.key_file)
        return context


async def _write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> Outcome:
    """Write, wait until the receiver's machine has everything, and listen for a complaint."""
    writer.write(data)
    await writer.drain()
    plug = writer.get_extra_info("socket")
    while writer.transport.get_write_buffer_size() or _unacknowledged(plug):
        if writer.transport.is_closing():
            return Outcome("lost", "the receiver closed the connection before it had everything")
        await asyncio.sleep(LOOK_SECONDS)
    try:
        said = await asyncio.wait_for(reader.read(1), GRACE_SECONDS)
    except TimeoutError:
        return Outcome("sent")
    if said:
        return Outcome("sent", "the receiver answered on a wire that has no answers")
    return Outcome("lost", "the receiver closed the connection at once")


def _unacknowledged(plug: socket.socket | None) -> int:
    """Bytes in the socket's queue that the other side's TCP has not acknowledged (Linux: SIOCOUTQ)."""
    if plug is None:
        return 0
    found = array.array("i", [0])
    fcntl.ioctl(plug.fileno(), termios.TIOCOUTQ, found)
    return found[0]
