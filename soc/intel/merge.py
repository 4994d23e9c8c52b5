"""What is in force and what a file or feed gave in, what is in force now out, with everything that was left out and why."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from soc.clock import Micros
from soc.intel.allow import AllowList
from soc.intel.indicator import UNUSABLE_KEPT, FeedContent, Indicator, IndicatorSet, Kind, Parsed, Unusable

Key = tuple[Kind, str, tuple[tuple[Kind, str], ...]]


class Merged(NamedTuple):
    """What came of it.

    Attributes:
        content: the feed as it is now.
        added: indicators that it did not have; ``removed``: how many it has no more.
        left_out: what was not taken, and why: unusable, expired, or on the allow-list.
    """

    content: FeedContent
    added: tuple[Indicator, ...]
    removed: int
    left_out: tuple[Unusable, ...]


def merge(
    before: FeedContent | None,
    parsed: Iterable[Parsed],
    allow: AllowList,
    *,
    name: str,
    origin: str,
    now: Micros,
    whole: bool,
    level: str = "",
    cursor: str = "",
) -> Merged:
    """A feed after what came.

    Args:
        before: as it was, None if it is new.
        parsed: what came, page by page: a later page revises and revokes what an earlier one said.
        allow: what is left out.
        name, origin, level, cursor: as in ``FeedContent``.
        now: what has expired by then is dropped.
        whole: what came is all that the feed has: what it does not name any more, goes.
    """
    known = {_key(one): one for one in before.indicators} if before else {}
    kept = {} if whole else dict(known)
    left_out: list[Unusable] = []
    for page in parsed:
        left_out += [*page.mistakes, *page.unusable]
        if page.revoked:
            gone = frozenset(page.revoked)
            kept = {key: one for key, one in kept.items() if one.id not in gone}
        for one in page.indicators:
            reason = "it has expired" if one.expires and one.expires <= now else allow.objection(one)
            key = _key(one)
            if reason:
                kept.pop(key, None)
                left_out.append(Unusable(origin, one.value, reason))
                continue
            earlier = known.get(key)
            kept[key] = msgspec.structs.replace(one, known=earlier.known if earlier else now)
    standing = tuple(one for one in kept.values() if not one.expires or one.expires > now)
    added = tuple(one for one in standing if _key(one) not in known)
    removed = len(known.keys() - {_key(one) for one in standing})
    content = FeedContent(name, now, origin, standing, cursor, level, len(left_out), tuple(left_out[:UNUSABLE_KEPT]))
    return Merged(content, added, removed, tuple(left_out))


def replaced(published: IndicatorSet, content: FeedContent, own: Sequence[str] | None = None) -> IndicatorSet:
    """All feeds, with one as it is now; ``own`` None leaves one's own networks and names as they were."""
    others = (feed for feed in published.feeds if feed.name != content.name)
    feeds = tuple(sorted((*others, content), key=lambda feed: feed.name))
    return IndicatorSet(feeds, published.own if own is None else tuple(own))


def _key(one: Indicator) -> Key:
    return one.kind, one.value, one.also
