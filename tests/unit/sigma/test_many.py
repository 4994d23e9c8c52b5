"""Long lists answer as their items do, one by one."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from soc.sigma.condition import Any_, Leaf, Node, Not, Predicate, holds, join
from soc.sigma.many import Ask, contains_any, ends_with_any, equals_any, in_any_network, starts_with_any
from soc.sigma.matchers import Network, Networks, Text, Texts

TEXT = st.text("abc\n\u00df", min_size=1, max_size=4)
WAYS: list[tuple[Callable[[list[str]], Ask], Callable[[str, str], bool]]] = [
    (equals_any, lambda text, one: text == one),
    (starts_with_any, lambda text, one: text.startswith(one)),
    (ends_with_any, lambda text, one: text.endswith(one)),
    (contains_any, lambda text, one: one in text),
]


@pytest.mark.parametrize(("build", "plain"), WAYS)
@given(texts=st.lists(TEXT, min_size=1, max_size=6), value=st.text("abc\n\u00df", max_size=8))
def test_any_of_many_texts_is_what_each_of_them_says(
    build: Callable[[list[str]], Ask], plain: Callable[[str, str], bool], texts: list[str], value: str
) -> None:
    assert build(texts)(value) == any(plain(value, one) for one in texts)


ADDRESSES = st.one_of(
    st.integers(0, 255).map(lambda n: f"192.0.2.{n}"),
    st.integers(0, 255).map(lambda n: f"::ffff:192.0.2.{n}"),
    st.integers(0, 255).map(lambda n: f" 2001:db8::{n:x} "),
    st.sampled_from(["", "x", "192.0.2.1/24", "fe80::1%eth0", "198.51.100.9"]),
)
CIDRS = st.one_of(
    st.tuples(st.integers(0, 255), st.integers(20, 32)).map(
        lambda t: str(ip_network(f"192.0.2.{t[0]}/{t[1]}", strict=False))
    ),
    st.tuples(st.integers(0, 255), st.integers(118, 128)).map(
        lambda t: str(ip_network(f"2001:db8::{t[0]:x}/{t[1]}", strict=False))
    ),
    st.sampled_from(["0.0.0.0/0", "::/0", "::ffff:192.0.2.0/120"]),
)


@given(st.lists(CIDRS, min_size=1, max_size=6), ADDRESSES)
@example(["0.0.0.0/0"], "::ffff:192.0.2.1")
@example(["fe80::/10"], "fe80::1%eth0")
def test_any_of_many_networks_is_what_each_of_them_says(cidrs: list[str], value: str) -> None:
    try:
        address = ip_address(value.strip())
    except ValueError:
        assert not in_any_network(cidrs)(value)
        return
    forms = [address, getattr(address, "ipv4_mapped", None)]
    expected = any(form is not None and form in ip_network(cidr) for cidr in cidrs for form in forms)
    assert in_any_network(cidrs)(value) == expected


MATCHERS = st.one_of(
    st.tuples(TEXT, st.sampled_from(["exact", "prefix", "suffix", "contains"]), st.booleans()).map(
        lambda t: Text(t[0] if t[2] else t[0].casefold(), t[1], t[2])  # type: ignore[arg-type]
    ),
    CIDRS.map(Network),
)
LEAVES = st.tuples(st.sampled_from(["a", "b", None]), MATCHERS).map(lambda t: Leaf(Predicate(*t)))


@given(
    st.lists(st.one_of(LEAVES, LEAVES.map(Not)), min_size=1, max_size=12),
    st.dictionaries(st.sampled_from(["a", "b"]), st.one_of(TEXT, ADDRESSES, st.lists(TEXT, max_size=2), st.none())),
)
def test_alternatives_that_are_asked_at_once_mean_the_same(parts: list[Node], fields: dict[str, object]) -> None:
    with patch("soc.sigma.condition._MANY", 2):
        joined = join(Any_, parts)
    assert holds(joined, fields) == any(holds(part, fields) for part in parts)


def test_ten_thousand_alternatives_are_one_question() -> None:
    texts = [Leaf(Predicate("a", Text(f"w{i}", "contains"))) for i in range(10_000)]
    networks = [Leaf(Predicate("b", Network(f"198.51.{i // 256}.{i % 256}/32"))) for i in range(10_000)]
    joined = join(Any_, [*texts, Not(texts[0]), *networks])
    assert isinstance(joined, Any_)
    kinds = [type(part.predicate.matcher) if isinstance(part, Leaf) else type(part) for part in joined.parts]
    assert kinds == [Texts, Not, Networks]
