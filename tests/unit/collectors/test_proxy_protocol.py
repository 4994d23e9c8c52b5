"""PROXY headers: correct ones are read however they are cut, all others are refused."""

import struct
from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.proxy_protocol import SIGNATURE, Announced, Believed, ProxyError, parse_header


def v2(family: int, addresses: bytes, command: int = 1, tlvs: bytes = b"", transport: int = 1) -> bytes:
    body = addresses + tlvs
    return SIGNATURE + bytes([0x20 | command, family << 4 | transport]) + struct.pack(">H", len(body)) + body


def inet(source: str, port: int) -> bytes:
    target = "203.0.113.1" if ip_address(source).version == 4 else "2001:db8::1"
    return ip_address(source).packed + ip_address(target).packed + struct.pack(">HH", port, 6514)


TLV = b"\x02\x00\x0bfw.example."  # PP2_TYPE_AUTHORITY
CORRECT = {
    b"PROXY TCP4 192.0.2.7 203.0.113.1 51514 6514\r\n": ("192.0.2.7", 51514),
    b"PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n": ("2001:db8::7", 0),
    b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 5 6\r\n": ("192.0.2.7", 5),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff:f...f:ffff 1 2 3\r\n": None,
    v2(1, inet("192.0.2.7", 51514)): ("192.0.2.7", 51514),
    v2(1, inet("192.0.2.7", 51514), tlvs=TLV): ("192.0.2.7", 51514),
    v2(1, inet("192.0.2.7", 514), transport=2): ("192.0.2.7", 514),
    v2(2, inet("2001:db8::7", 514), tlvs=TLV * 9): ("2001:db8::7", 514),
    v2(3, b"/run/log.sock".ljust(216, b"\0")): None,
    v2(0, b"", transport=0): None,
    v2(0, b"", command=0, transport=0): None,
    v2(1, inet("192.0.2.7", 514), command=0): None,
}


@pytest.mark.parametrize("header", CORRECT)
def test_a_correct_header_names_the_sender_and_what_follows_is_untouched(header: bytes):
    assert parse_header(header + b"<13>line\n") == Announced(len(header), CORRECT[header])


@settings(deadline=None)
@given(st.sampled_from(sorted(CORRECT)), st.data())
def test_a_header_cut_anywhere_is_waited_for(header: bytes, data: st.DataObject):
    cut = data.draw(st.integers(0, len(header) - 1))
    assert parse_header(header[:cut]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        b"<13>a line\n",
        b"PROXYTCP4",
        b"PROXY TCP4 192.0.2.7 203.0.113.1 51514\r\n",
        b"PROXY TCP4 192.0.2.300 203.0.113.1 1 2\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 2001:db8::1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.1 70000 2\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.1 01 2\r\n",
        b"PROXY TCP4  192.0.2.7 203.0.113.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.1 1 2 \r\n",
        b"PROXY UDP4 192.0.2.7 203.0.113.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 203.0.113.1 1 2\n".ljust(107, b" "),
        b"PROXY " + b"x" * 101,
        SIGNATURE + b"\x11\x11\x00\x0c" + inet("192.0.2.7", 1),
        SIGNATURE + b"\x22\x11\x00\x0c" + inet("192.0.2.7", 1),
        SIGNATURE + b"\x21\x41\x00\x0c" + inet("192.0.2.7", 1),
        SIGNATURE + b"\x21\x13\x00\x0c" + inet("192.0.2.7", 1),
        SIGNATURE + b"\x21\x11\x00\x0b" + inet("192.0.2.7", 1)[:11],
        SIGNATURE + b"\x21\x21\x00\x0c" + inet("192.0.2.7", 1),
        b"\r\n\r\n\0\r\nQUIX\n",
    ],
)
def test_a_wrong_header_is_refused(wrong: bytes):
    with pytest.raises(ProxyError):
        parse_header(wrong)


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"PROXY ", SIGNATURE + b"\x21"]))
def test_any_bytes_are_waited_for_refused_or_read(data: bytes, head: bytes):
    with suppress(ProxyError):
        found = parse_header(head + data)
        assert found is None or 0 < found.length <= len(head + data)


def test_only_networks_of_the_list_are_believed_and_mapped_addresses_are_ipv4():
    believed = Believed(["198.51.100.0/24", "2001:db8:5::/48", "192.0.2.9"])
    assert "198.51.100.200" in believed
    assert "::ffff:198.51.100.200" in believed
    assert "2001:db8:5::9%eth0" in believed
    assert "192.0.2.9" in believed
    assert "192.0.2.10" not in believed
    assert "2001:db8:6::9" not in believed
    assert "198.51.100.1" not in Believed([])
