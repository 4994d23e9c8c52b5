"""Documents of one kind by the state they are in now, or one of them alone: what the pages of silences and directives have in common."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from aiohttp import web

from soc.clock import Micros
from soc.console.context import console_of
from soc.console.pages import after_text, parse_after
from soc.console.views.query_box import Asked, asked, both
from soc.store.base import Document, Kind
from soc.store.query import Query

PAGE: Final = 50


class ByState(NamedTuple):
    """What such a page shows.

    Attributes:
        asked: the query typed, and whether it is one.
        state: the one chosen.
        states: each with how many are in it; none where one document was asked for.
        documents: of this page.
        total: how many there are in all.
        after: where the next page begins; "" without one.
        now: the time that the states are of.
    """

    asked: Asked
    state: str
    states: list[tuple[str, int]]
    documents: Sequence[Document]
    total: int
    after: str
    now: Micros


async def by_state(
    request: web.Request,
    kind: Kind,
    id_: str,
    states: Sequence[str],
    of_state: Callable[[str, Micros], Query],
) -> ByState:
    """Look them up as the request asks.

    Args:
        request: with ``state``, ``after`` and the query.
        kind: of document.
        id_: of the only one that is wanted; "" = all of a state.
        states: by name; the first is shown where none is asked for.
        of_state: state and time → what is in it.

    Raises:
        web.HTTPNotFound: there is no such document.
    """
    console, asked_for = console_of(request), asked(request)
    store, now = console.store, console.clock()
    state = request.query.get("state", states[0])
    state = state if state in states else states[0]
    if id_:
        found = await store.get(kind, id_)
        if found is None:
            raise web.HTTPNotFound
        return ByState(asked_for, state, [], (found,), 1, "", now)
    start = parse_after(request.query.get("after", ""))
    listed = await store.search(kind, both(asked_for.query, of_state(state, now)), limit=PAGE, after=start)
    counts = [
        (name, (await store.search(kind, both(asked_for.query, of_state(name, now)), limit=1)).total) for name in states
    ]
    return ByState(asked_for, state, counts, listed.documents, listed.total, after_text(listed.after), now)
