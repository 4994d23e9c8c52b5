"""The forwarder's memory: lanes, former contents, and what is sealed for an approval."""

import zlib
from itertools import islice

from forward_made import ORGANIZATION, RECIPIENT, T0, approved, incident, report

from soc.audit.chain import Entry, verify
from soc.forward.contents import BLOCK, CONTENTS_KEPT, Contents
from soc.forward.ledger import Ledger
from soc.forward.payload import payload
from soc.forward.sealing import Recipient, seal


def kept(ledger, state=None):
    """The state after what the ledger has to commit."""
    return {**(state or {}), **ledger.take().state}


def heads(*reports):
    ledger = Ledger({})
    for item in reports:
        ledger.put(item)
    again = Ledger(kept(ledger))
    assert [item.id for item in again.heads()] == [item.id for item in ledger.heads()]
    return [(item.incident_id, item.kind, item.sequence) for item in ledger.heads()]


def test_reports_on_one_incident_go_in_order_and_incidents_do_not_wait_for_each_other():
    assert heads(
        report("retry_wait", about="i1"), report("queued", about="i1", kind="closing"), report("queued", about="i2")
    ) == [("i1", "initial", 1), ("i2", "initial", 1)]


def test_an_accepted_or_stale_report_gives_way():
    assert heads(report("accepted"), report("stale", sequence=2), report("queued", sequence=3)) == [
        ("202611-1", "initial", 3)
    ]


def test_a_rejected_report_holds_up_the_next_until_one_of_its_kind_replaces_it():
    assert heads(report("rejected"), report("queued", kind="closing")) == []
    closing_first = heads(report("rejected"), report("queued", kind="closing"), report("queued", sequence=2))
    assert closing_first == [("202611-1", "closing", 1)]


def test_what_is_committed_is_all_it_needs():
    ledger, state = Ledger({}), {}
    for n in range(3):
        ledger.learn(incident(count=n))
        ledger.put(report(sequence=n + 1))
        ledger.record(Entry(T0, "soc", "seal", f"report/{n}"))
        state = kept(ledger, state)
    again = Ledger(state)
    assert [item.id for item in again.reports] == [item.id for item in ledger.reports]
    assert list(again.contents(incident().id)) == list(ledger.contents(incident().id))
    assert again.counters == ledger.counters
    assert again.sealed("202611-1", "initial", 2, RECIPIENT)
    assert again.take().state == {}


def test_contents_are_kept_once_each_latest_first_and_up_to_a_bound():
    ledger, state = Ledger({}), {}
    for n in range(CONTENTS_KEPT + 10):
        ledger.learn(incident(count=n))
        ledger.learn(incident(count=n, version=n))
    state = kept(ledger, state)
    counts = [tree["alerts"][0]["count"] for tree, _ in Ledger(state).contents(incident().id)]
    assert counts == list(range(CONTENTS_KEPT + 9, BLOCK - 1, -1)), "the block whose first slot was taken again is gone"


def test_contents_that_differ_by_a_number_cost_little_and_come_back_after_any_restart():
    ledger, state = Ledger({}), {}
    told = []
    for n in range(2 * CONTENTS_KEPT + 5):
        ledger.learn(incident(count=n))
        state = kept(ledger, state)
        told.append(n)
        if n % 7 == 0:
            ledger = Ledger(state)
        counts = [tree["alerts"][0]["count"] for tree, _ in islice(ledger.contents(incident().id), 40)]
        assert counts == told[: -len(counts) - 1 : -1]
        assert len(counts) == min(40, n + 1)
    sizes = sorted(len(data) for key, data in state.items() if key.startswith(b"v/"))
    assert len(sizes) == CONTENTS_KEPT
    assert sizes[len(sizes) // 2] < sizes[-1] / 4


def test_contents_as_an_older_version_kept_them_are_read_and_go_on():
    ledger = Ledger({})
    ledger.learn(incident(count=0))
    ledger.learn(incident(count=1))
    state = kept(ledger)
    contents = Contents()
    contents.count = 2
    for slot in (0, 1):
        contents.restore(slot, state[b"v/%s/%d" % (incident().id.encode(), slot)])
    by_itself = zlib.compress(next(iter(contents)))
    again = Ledger({**state, b"v/%s/1" % incident().id.encode(): by_itself})
    again.learn(incident(count=1))
    assert again.take().state == {}
    again.learn(incident(count=2))
    assert [tree["alerts"][0]["count"] for tree, _ in again.contents(incident().id)] == [2, 1, 0]


def test_of_a_closed_incident_two_blocks_stay():
    ledger, state = Ledger({}), {}
    for n in range(5 * BLOCK + 3):
        ledger.learn(incident(count=n))
    state = kept(ledger, state)
    ledger.learn(incident(count=1000, status="closed"))
    state = {key: value for key, value in kept(ledger, state).items() if value is not None}
    counts = [tree["alerts"][0]["count"] for tree, _ in Ledger(state).contents(incident().id)]
    assert counts == [1000, *range(5 * BLOCK + 2, 4 * BLOCK - 1, -1)]
    assert len([key for key in state if key.startswith(b"v/")]) == len(counts)


def sealed(document, ledger, number=-1, sequence=1):
    return seal(
        document, document.approvals[number], sequence, ledger.contents(document.id),
        organization=ORGANIZATION, recipient=Recipient(RECIPIENT), now=T0,
    )  # fmt: skip


def test_an_approval_seals_exactly_the_previewed_bytes():
    shown, ledger = incident(), Ledger({})
    ledger.learn(approved(shown))
    report_ = sealed(approved(shown), ledger)
    assert (report_.state, report_.payload) == ("queued", payload(shown, "initial", ORGANIZATION, RECIPIENT))


def test_an_approval_of_an_older_version_seals_that_version_while_the_incident_moves_on():
    shown, ledger = incident(count=5), Ledger({})
    for n in range(5, 60):
        ledger.learn(incident(count=n))
    report_ = sealed(approved(shown, after=incident(count=60)), ledger)
    assert report_.payload == payload(shown, "initial", ORGANIZATION, RECIPIENT)


def test_an_approval_of_bytes_that_were_never_rendered_is_stale_and_has_no_bytes():
    ledger = Ledger({})
    ledger.learn(incident(count=5))
    report_ = sealed(approved(incident(count=999)), ledger)
    assert (report_.state, report_.payload) == ("stale", b"")
    assert "approve again" in report_.detail


def test_a_second_approval_of_a_kind_is_another_report():
    ledger = Ledger({})
    first = approved(incident(count=5))
    ledger.learn(first)
    second = approved(first)
    one, two = sealed(second, ledger, 0, 1), sealed(second, ledger, 1, 2)
    assert (one.state, two.state) == ("queued", "queued")
    assert one.id != two.id


def test_the_audit_chain_goes_on_after_a_restart():
    ledger = Ledger({})
    ledger.record(Entry(T0, "hoa", "seal", "report/1"))
    changes = ledger.take()
    again = Ledger(changes.state)
    again.record(Entry(T0, "soc", "accepted", "report/1"))
    assert verify([*changes.audit, *again.take().audit], again.counters.audit) is None
