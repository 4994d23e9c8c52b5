"""The pages of the register: the list, one system, and who may see which."""

from soc.assets.entries import Contact, Entries, Host, LogSource, System, Unit
from soc.assets.register import Register

REGISTER = Register(
    Entries(
        (Unit("so-a", "Sở A"), Unit("so-b", "Sở B")),
        (
            System("dvc", "Cổng dịch vụ công", 3, owner="so-a", criticality="critical", without=("domains",)),
            System("mail", "Hộp thư", owner="so-b"),
        ),
        (Host("web01", ("dvc",), ("10.0.0.1",), "Debian 13", roles=("nat",)),),
        (LogSource("dvc", "192.0.2.1", "firewall", 300),),
        (Contact("so-a", "trực ca", phone="0276 000 000"),),
    )
)


def test_the_list_says_what_a_report_would_lack_and_is_narrowed(console, sign_in):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        found = await (await browser.get("/assets.json")).json()
        assert [one["key"] for one in found["systems"]] == ["dvc", "mail"]
        assert "level" in found["systems"][1]["missing"]
        for query, keys in (("q=sở b", ["mail"]), ("level=3", ["dvc"]), ("level=0", ["mail"]), ("q=nothing", [])):
            narrowed = await (await browser.get(f"/assets.json?{query}")).json()
            assert [one["key"] for one in narrowed["systems"]] == keys
        text = await browser.text("/assets")
        assert "Cổng dịch vụ công" in text
        assert "Báo cáo còn thiếu" in text

    console(body, register=lambda: REGISTER)


def test_a_system_is_shown_with_its_hosts_sources_contacts_and_what_is_missing(console, sign_in):
    async def body(world):
        browser = sign_in(world, "lan.nt")
        found = await (await browser.get("/assets/dvc.json")).json()
        assert found["hosts"][0]["name"] == "web01"
        assert found["incidents_total"] == 0
        text = await browser.text("/assets/dvc")
        for part in ("web01", "Debian 13", "192.0.2.1", "0276 000 000", "Chưa rõ", "Không có"):
            assert part in text
        assert (await browser.get("/assets/nothing")).status == 404

    console(body, register=lambda: REGISTER)


def test_without_a_register_the_page_says_how_to_publish_one(console, sign_in):
    async def body(world):
        assert "soc assets import" in await sign_in(world, "lan.nt").text("/assets")

    console(body)
