"""Signed heads: read back by their key only, and any change shows."""

import json

import pytest

from soc.audit.chain import Head
from soc.audit.signing import fingerprint, new_key, public_of, read, sign
from soc.errors import SettingsError

HEADS = (Head("console/0", 3, "c" * 64), Head("triage", 12, "d" * 64))


def test_heads_come_back_as_they_were_signed():
    private = new_key()
    found = read(sign(HEADS, private, 77, "tay-ninh"), public_of(private))
    assert (found.heads, found.at, found.installation) == (HEADS, 77, "tay-ninh")


def test_another_key_or_a_changed_document_is_refused():
    private, other = new_key(), new_key()
    data = sign(HEADS, private, 77, "tay-ninh")
    with pytest.raises(SettingsError, match="signature"):
        read(data, public_of(other))
    tree = json.loads(data)
    tree["document"] = tree["document"].replace('"seq":12', '"seq":11')
    with pytest.raises(SettingsError, match="signature"):
        read(json.dumps(tree).encode(), public_of(private))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"document":"{}","key":"","signature":"!"}', b"\xff"])
def test_what_is_no_document_is_told(data):
    with pytest.raises(SettingsError, match="no signed heads"):
        read(data, None)


def test_people_tell_keys_apart_by_their_fingerprint():
    first, second = public_of(new_key()), public_of(new_key())
    assert fingerprint(first) == fingerprint(first) != fingerprint(second)
    assert len(fingerprint(first)) == 16


def test_what_is_no_key_is_told():
    with pytest.raises(SettingsError, match="private key"):
        sign(HEADS, b"none", 1, "x")
    with pytest.raises(SettingsError, match="public key"):
        fingerprint(b"none")
