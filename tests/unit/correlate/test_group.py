"""What a group writes into its changelog."""

from soc.correlate.entry import Entry
from soc.correlate.group import Group
from soc.correlate.snapshot import PIECE, Changes, Kept, Piece, group_key, rule_key

KEY = group_key(rule_key("rule"), ("a",))


def entry(number: int) -> Entry:
    return Entry(f"event-{number}", number, 0, 0, "source", number)


def test_a_last_piece_from_a_version_with_longer_ones_is_full_and_not_written_again():
    kept = Kept(("a",), [Piece(0, [entry(number) for number in range(PIECE + 5)])])
    group = Group.restored(KEY, kept)
    changes: Changes = {}
    group.write_entries([entry(100)], changes)
    assert [int.from_bytes(key[25:], "big") for key in changes] == [1]


def test_what_one_entry_writes_does_not_grow_with_the_group():
    group = Group(("a",), KEY)
    sizes: list[int] = []
    for number in range(2_000):
        changes: Changes = {}
        group.write_entries([entry(number)], changes)
        sizes.append(sum(len(value or b"") for value in changes.values()))
    assert max(sizes) < 2 * max(sizes[: 2 * PIECE])
