"""Keys to partitions, records to ids."""

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.bus.base import Record, partition_of, raw_id


@settings(max_examples=50)
@given(st.binary(max_size=40), st.integers(1, 64))
def test_a_partition_is_always_one_that_exists_and_the_same_for_the_same_key(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions
    assert partition_of(key, partitions) == partition_of(bytes(key), partitions)


def test_the_partition_of_a_key_never_changes_between_versions() -> None:
    """CRC-32 of "123456789" is the published check value 0xCBF43926: data on disk depends on it."""
    assert partition_of(b"123456789", 1 << 32) == 0xCBF43926


def test_a_raw_id_is_the_address_without_the_topic() -> None:
    assert raw_id(Record("soc.raw", 3, "ab12", 42, b"", b"", 0)) == "ab12/3/42"
