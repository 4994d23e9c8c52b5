"""A detached signature holds over exactly the bytes of the body, for both kinds of keys; anything else is refused at start."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from soc.errors import SettingsError
from soc.forward.signature import Signer

KEYS = {"EdDSA": ed25519.Ed25519PrivateKey.generate, "ES256": lambda: ec.generate_private_key(ec.SECP256R1())}
BODY = '{"a":"đ"}'.encode()


def written(tmp_path, key):
    path = tmp_path / "key.pem"
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return str(path)


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(key, value, body):
    """As RFC 7515 §5.2 and RFC 7797 §3 tell a receiver to."""
    protected, payload, signature = value.split(".")
    assert payload == ""
    fields, signed, raw = json.loads(decoded(protected)), protected.encode() + b"." + body, decoded(signature)
    assert (fields["b64"], fields["crit"]) == (False, ["b64"])
    if fields["alg"] == "EdDSA":
        key.public_key().verify(raw, signed)
    else:
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.public_key().verify(der, signed, ec.ECDSA(hashes.SHA256()))
    return fields


@pytest.mark.parametrize("alg", sorted(KEYS))
def test_a_receiver_can_verify_the_body_by_the_standard_and_a_changed_byte_shows(tmp_path, alg):
    key = KEYS[alg]()
    value = Signer(written(tmp_path, key), "k-1").detached(BODY, "r-1")
    fields = verify(key, value, BODY)
    assert (fields["alg"], fields["kid"], fields["sub"]) == (alg, "k-1", "r-1")
    with pytest.raises(InvalidSignature):
        verify(key, value, BODY.replace(b"a", b"b"))


def test_a_key_without_a_name_is_called_by_the_hash_of_its_public_half(tmp_path):
    path = written(tmp_path, KEYS["EdDSA"]())
    assert len(Signer(path).key_id) == 64
    assert Signer(path).key_id == Signer(path).key_id


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "neither Ed25519 nor"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "neither Ed25519 nor"),
    ],
    ids=["RSA", "P-384"],
)
def test_any_other_key_is_refused(tmp_path, make, said):
    with pytest.raises(SettingsError, match=said):
        Signer(written(tmp_path, make()))


def test_a_file_that_is_missing_or_no_key_is_told_with_its_path(tmp_path):
    (tmp_path / "bad.pem").write_text("nothing", encoding="utf-8")
    for name in ("bad.pem", "missing.pem"):
        with pytest.raises(SettingsError, match=f"signing_key_file: .*{name} cannot be used"):
            Signer(str(tmp_path / name))
