"""Syslog over UDP (RFC 5426): each datagram in is one record out."""

from collectors.datagrams import DatagramInput


class SyslogUdp(DatagramInput):
    """One UDP port: a datagram is a message, whatever is in it."""
