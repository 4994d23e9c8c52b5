"""A report to a receiver whose reports people deliver: approved, written, held, and settled by a person's word."""

import asyncio
from functools import partial

import msgspec
from forward_support import World, made, world

from soc.clock import now
from soc.forward.forwarder import Destination, Forwarder
from soc.forward.rebuild import latest
from soc.model import Settlement
from soc.receiver import Receiver


def forwarder(place: World, directory) -> Forwarder:
    return Forwarder(
        lambda: place.bus.claim("forward", 0),
        organization=made.ORGANIZATION,
        destinations=[Destination(Receiver(binding="file", directory=str(directory)))],
        incidents="incidents",
        outbox="outbox",
        audit="audit",
        told=partial(latest, place.bus, "outbox"),
        clock=now,
    )


def test_a_package_is_written_once_and_only_a_person_ends_it(tmp_path):
    directory = tmp_path / "packages"
    directory.mkdir()

    async def main():
        async with world(tmp_path) as place:
            case = made.approved(made.incident())
            await place.publish(case)
            (held,) = await place.run_until(
                lambda reports: [one.state for one in reports] == ["held"], forwarder(place, directory)
            )
            (package,) = directory.iterdir()
            assert (package / "report.json").read_bytes() == held.payload
            assert str(package) in held.detail
            settled = Settlement(held.id, "out_of_band", "hoa", now(), "123/BC-TTGS", "signed form.pdf, SHA-256 …")
            await place.publish(msgspec.structs.replace(case, settlements=(settled,), version=case.version + 1))
            (ended,) = await place.run_until(
                lambda reports: [one.state for one in reports] == ["out_of_band"], forwarder(place, directory)
            )
            assert (ended.attempts, ended.payload) == (1, held.payload)
            assert "123/BC-TTGS" in ended.detail
            assert list(directory.iterdir()) == [package]

    asyncio.run(main())
