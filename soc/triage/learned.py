"""The alerts of one incident in; which of its entities hold several independent stories together, and so prove nothing, out.

Leave an address out, and look at what still holds together by other entities. If that is one story and some loose ends, the address is
the thread of one attack. If it is more than ``MAX_STORIES`` stories that know nothing of each other, the address is where they all pass:
a NAT, a proxy, a domain controller, an API gateway, or one attacker's address in a campaign. In each case the stories are incidents of
their own (issue 7); a campaign's are linked (``soc.triage.campaign``).

What is a story depends on whose the address is. Of an outside one, alerts of at least two rules: a single rule that fires on many hosts
is one attacker who tries many doors. Of one of ours (a host, an internal address) also a single alert that names a person and a
machine of his own, or one hidden behind a gateway that is known: many people at their machines are how a gateway looks, and how no
attacker does. A user's name is never learned so: one account on many machines is what gives an intruder away.
"""

from collections.abc import Callable, Collection, Sequence

from soc.triage.alerts import Card
from soc.triage.entities import Key

MAX_STORIES = 4
"""More independent stories than this behind one entity, and it is shared: six at once are parted, three hosts of one intruder are not."""

MAX_CANDIDATES = 4
"""Entities left out together, those of most company first: a firewall's address, its name, and the server behind it."""


def gateways(
    cards: Sequence[Card], shared: Callable[[Key], bool], ours: Callable[[Key], bool], most: int = MAX_STORIES
) -> dict[Key, int]:
    """Entities that more than ``most`` independent stories have in common, and how many.

    Args:
        cards: of one incident.
        shared: whether an entity is known to prove nothing.
        ours: whether an entity is a host, or an internal address.
        most: stories that one thread may have.
    """
    nodes = [card for card in cards if card.worthy and card.live and card.status != "closed"]
    if len(nodes) <= most:
        return {}
    known = frozenset(key for card in nodes for key in card.about if shared(key))
    left_out = set(known)
    tried: list[Key] = []
    for key in _candidates(nodes, left_out, most):
        left_out.add(key)
        tried.append(key)
        mild = all(ours(one) for one in tried)
        stories = [group for group in apart(nodes, left_out) if _is_story(group, left_out, known, mild=mild)]
        if len(stories) > most:
            spans = {one: sum(1 for group in stories if any(one in card.about for card in group)) for one in tried}
            return {one: number for one, number in spans.items() if number > most}
    return {}


def apart(nodes: Sequence[Card], left_out: Collection[Key]) -> list[list[Card]]:
    """The alerts as the groups that other entities than these hold together, in the order of their first ones."""
    parent = list(range(len(nodes)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = at = parent[parent[at]]
        return at

    first: dict[Key, int] = {}
    for place, card in enumerate(nodes):
        for key in card.about:
            if key not in left_out:
                one, other = root(place), root(first.setdefault(key, place))
                parent[max(one, other)] = min(one, other)
    groups: dict[int, list[Card]] = {}
    for place, card in enumerate(nodes):
        groups.setdefault(root(place), []).append(card)
    return list(groups.values())


def _candidates(nodes: Sequence[Card], left_out: Collection[Key], most: int) -> list[Key]:
    """Machines in more than ``most`` companies, those of most company first."""
    company: dict[Key, set[frozenset[Key]]] = {}
    for card in nodes:
        machines = {key for key in card.about if key[0] != "user" and key not in left_out}
        people = frozenset(key for key in card.about if key[0] == "user")
        behind = len(machines) == 1 and any(key in left_out for key in card.about)
        for key in machines:
            # Behind a gateway that is known, the person is all that tells one from another.
            company.setdefault(key, set()).add(people if behind else frozenset(machines - {key}))
    ranked = sorted((-len(found - {frozenset()}), key) for key, found in company.items())
    return [key for number, key in ranked if -number > most][:MAX_CANDIDATES]


def _is_story(group: Sequence[Card], left_out: Collection[Key], known: Collection[Key], *, mild: bool) -> bool:
    if len({card.rule_id for card in group}) > 1:
        return True
    if not mild:
        return False
    every = {key for card in group for key in card.about}
    own = {key for key in every if key not in left_out}
    has_machine = any(key[0] != "user" for key in own) or any(key in known for key in every)
    return has_machine and any(key[0] == "user" for key in own)
