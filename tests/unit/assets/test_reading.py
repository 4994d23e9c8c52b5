"""Imports: spreadsheets as they come, every mistake with its row and column, nothing half-imported."""

import time
from pathlib import Path

from register_made import ZONE, entries, mistakes

from soc.assets.reading import read

SYSTEMS = "key,name\nportal,Cổng\n"
HOSTS = "name,system,ip\n"


def test_a_spreadsheet_with_a_mark_semicolons_vietnamese_headings_and_quoted_line_breaks_is_read():
    text = (
        "\ufeffSTT;Mã hệ thống;Tên hệ thống *;Cấp độ (1-5);Mục đích;Địa chỉ IP công khai;Tên miền\r\n"
        '1;DVC;Cổng dịch vụ;Cấp 3;"dòng một\r\ndòng hai";198.51.100.1, 198.51.100.2;không\r\n\r\n'
    )
    (system,) = entries(("hethong.csv", text)).systems
    assert (system.key, system.level, system.purpose) == ("dvc", 3, "dòng một\ndòng hai")
    assert system.public_addresses == ("198.51.100.1", "198.51.100.2")
    assert system.without == ("domains",)


def test_rows_are_counted_as_a_spreadsheet_counts_them():
    text = HOSTS + '"web01","portal","10.0.0.1"\n\n"web02",portal,"10.0.0.1\n10.0.0.300"\n'
    assert mistakes(("systems.csv", SYSTEMS), ("hosts.csv", text)) == [
        'hosts.csv:4: C "ip": "10.0.0.300" is no IP address',
        'hosts.csv:4: C "ip": "10.0.0.1" is the address of two hosts (first in hosts.csv:2)',
    ]


def test_of_yaml_the_line_and_the_path_are_said():
    text = "systems:\n  - key: portal\n    name: Cổng\n    level: 7\n    hosts:\n      - name: web01\n        adress: 10.0.0.1\n"
    found = mistakes(("register.yaml", text))
    assert found[0].startswith('register.yaml:4: systems[0].level: "7" is no level')
    assert found[1].startswith("register.yaml:7: systems[0].hosts[0].adress: is no field of hosts")


def test_what_does_not_fit_together_is_a_mistake_of_the_later_row():
    text = (
        "units:\n  - {key: a, name: A, parent: b, valid_from: 01/07/2025, valid_to: 30/06/2025}\n"
        "  - {key: b, name: B, parent: a}\n"
        "systems:\n  - {key: one, name: Một, owner: C, networks: 10.0.0.0/24}\n"
        "  - {key: two, name: Hai, networks: [10.0.0.0/24, 10.0.0.128/25, 10.1.2.3/24]}\n"
    )
    found = "\n".join(mistakes(("register.yaml", text)))
    for part in (
        "before it begins",
        "is below itself",
        '"C" is no unit',
        '"10.0.0.0/24" is the network of two',
        "host bits",
    ):
        assert part in found
    assert "10.0.0.128/25" not in found


def test_a_table_that_no_file_has_is_kept_and_checked_against_the_new_ones():
    before = entries(("systems.csv", SYSTEMS), ("hosts.csv", HOSTS + "web01,portal,10.0.0.1\n"))
    assert entries(("systems.csv", SYSTEMS + "mail,Thư\n"), before=before).hosts == before.hosts
    assert "(published register)" in mistakes(("systems.csv", "key,name\nmail,Thư\n"), before=before)[0]


def test_texts_that_are_no_register_are_refused_with_what_to_do():
    def only(name: str, data: bytes) -> str:
        found = read([(name, data)], entries(("systems.csv", SYSTEMS)), timezone=ZONE)
        assert found.entries is None
        return str(found.mistakes[0])

    assert "CSV UTF-8" in only("hosts.csv", "name,system\nmáy,portal\n".encode("cp1258", "replace"))
    assert "save each sheet" in only("hosts.xlsx", b"PK")
    assert "nested deeper" in only("r.yaml", b"[" * 100_000)
    assert "anchors" in only("r.yaml", b"systems: &a [*a]")
    assert "never closed" in only("hosts.csv", b'name,system\n"web01,portal\n')
    assert "is no YAML" in only("r.yaml", b"systems: [")


def test_five_thousand_hosts_with_mistakes_are_all_told_in_seconds():
    rows = [f"h{n},portal,10.{n // 250}.{n % 250}.1" for n in range(5000)]
    wrong = {
        17: "h17,nowhere,10.0.17.1",
        2500: "h2500,portal,10.300.0.1",
        3000: "h1,portal,10.12.0.1",
        4999: ",portal,",
    }
    for n, row in wrong.items():
        rows[n] = row
    begun = time.monotonic()
    found = mistakes(("systems.csv", SYSTEMS), ("hosts.csv", HOSTS + "\n".join(rows)))
    assert time.monotonic() - begun < 10
    assert [line.split(" ")[0] for line in found] == [f"hosts.csv:{n + 2}:" for n in wrong]


def test_the_templates_are_read_without_mistakes_and_claim_nothing_that_is_not_known():
    folder = Path(__file__).parents[3] / "deploy" / "profiles"
    files = [(name, (folder / name).read_text(encoding="utf-8")) for name in ("units.yaml", "systems.yaml")]
    register = entries(*files)
    assert len(register.systems) == 17
    assert {(one.level, one.public_addresses, one.owner) for one in register.systems} == {(0, (), "")}
