"""The second pair of eyes: sealed bytes with something in them are refused, told where and of which kind, never what."""

import base64
import json

import pytest
from forward_made import ORGANIZATION, RECIPIENT, incident
from harmless_texts import TEXTS

from soc.forward.payload import payload
from soc.forward.scan import Hit, scan
from soc.forward.schema import CONTACT
from soc.forward.stix import bundle


def sealed(**fields):
    return json.dumps({"incident": fields}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("gọi 0912 345 678", "phone"), ("+84912345678", "phone"), ("CCCD 072203001234", "cccd"), ("an@gmail.com", "mail"), ("70A-123.45", "plate"),
        ("từ 10.1.2.3", "internal-address"), ("từ fd00::1", "internal-address"), ("dc01.tayninh.local", "internal-host"), ("eyJhbGciOiJIUzI1.eyJzdWIiOi", "token"),
        ("Password=abc123", "secret"), ("/x?id=12", "query"), ("an%40gmail.com", "mail"), (base64.b64encode("từ 192.168.1.9 đến".encode()).decode(), "internal-address"),
        ("0912\u200b345678", "phone"), ("０９１２３４５６７８", "phone"), ("09123\n45678", "phone"), ("10.1.\n2.3", "internal-address"),
    ],
)  # fmt: skip
def test_each_kind_is_seen_and_its_place_told(text, kind):
    assert Hit("/incident/title", kind) in scan(sealed(title=text))


def test_a_hit_never_tells_the_value():
    hits = scan(sealed(title="gọi 0912345678", note=["an@gmail.com"]))
    assert hits == (Hit("/incident/title", "phone"), Hit("/incident/note/0", "mail"))
    assert "0912" not in repr(hits)


def test_an_internal_name_is_seen_anywhere_whole_or_as_the_first_label():
    names = frozenset({"mc-web-01"})
    assert scan(sealed(title="máy MC-WEB-01.tn lỗi"), names) == (Hit("/incident/title", "internal-name"),)
    assert scan(sealed(**{"mc-web-01": 1}), names) == (Hit("/incident/mc-web-01", "internal-name"),)
    assert scan(sealed(title="mc-web-011"), names) == ()


def test_what_is_no_json_is_looked_at_line_by_line():
    assert scan("dòng một\ngọi 0912345678\n".encode()) == (Hit("byte 12", "phone"),)


def test_a_contact_is_let_through_in_its_own_fields_only():
    data = json.dumps({"particulars": {"contact_phone": "0912345678", "cause": "0912345678"}}).encode()
    assert scan(data, (), CONTACT) == (Hit("/particulars/cause", "phone"),)


def test_what_we_make_ourselves_and_harmless_texts_pass():
    assert [text for text in TEXTS if scan(sealed(title=text))] == []
    data = payload(incident(), "report_72h", ORGANIZATION, RECIPIENT)
    assert scan(data) == ()
    assert scan(bundle(data)) == ()


def test_the_scan_is_not_the_redactor():
    """A mistake in one is not a mistake in the other: it imports nothing of the finders."""
    import ast
    from pathlib import Path

    import soc.forward.scan

    tree = ast.parse(Path(soc.forward.scan.__file__).read_text(encoding="utf-8"))
    assert {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("soc")
    } == set()
