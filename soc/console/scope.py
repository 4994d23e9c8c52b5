"""The one place where what a visitor may see is narrowed: the store in, the same store as this visitor sees it out.

Every page, list, search, count, stream, JSON twin, export and act of the console goes through ``VisitorStore`` (``console_of`` gives no
other), so no view can forget a scope or a mask. What a person limited to some organizations sees:

    alert, incident     those with one of his organizations; one without any belongs to the SOC alone
    report, directive   those of incidents that he sees
    event               those whose host or address the register puts into a system of his organizations; no counts
    silence             those that name his organizations
    dead letters, audit, notices, answers    none: they say nothing of whom they concern
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from soc.clock import Micros
from soc.console.masking import NAMED, Masker, probes
from soc.errors import SocError
from soc.model import SystemHit
from soc.store.base import Document, Kind, Page, Refusal, Store, StoreHealth
from soc.store.query import All, And, Field, Or, Query, matches
from soc.store.words import normal, texts_of

MAX_INCIDENTS = 400
"""Of the newest incidents in his scope a limited person sees reports and directives."""
SCAN_PAGES = 10
"""Pages of events that one search of a limited person looks through."""

_PLACES = (
    *("host.name", "host.ip", "source.ip", "destination.ip", "server.ip", "client.ip", "source.domain", "destination.domain"),
    *("url.domain", "observer.ip", "observer.name"),
)  # fmt: skip
"""Fields by which an event is of a system."""

GrantCall = Callable[[str, str], bool]
"""(kind, id) → whether the visitor has given a reason to read this document."""


class RegisterLike(Protocol):
    """What is asked of the register of systems and organizations (``soc.assets.register``)."""

    def under(self, unit: str) -> frozenset[str]:
        """A unit, its successors and all below it."""
        ...

    def find(self, entities: Iterable[tuple[str, str]]) -> Sequence[SystemHit]:
        """The systems that these (field, value) pairs belong to."""
        ...


class NoRegister:
    """While no register was published: every unit is only itself, nothing belongs to a system."""

    def under(self, unit: str) -> frozenset[str]:
        """The unit itself."""
        return frozenset({unit})

    def find(self, entities: Iterable[tuple[str, str]]) -> Sequence[SystemHit]:
        """Nothing."""
        del entities
        return ()


class ProbeError(SocError):
    """A search names an identifier that the visitor does not see: its answer would tell what the mask hides."""

    def __init__(self) -> None:
        super().__init__("the search names a citizen's identifier")


def units_of(organizations: Sequence[str], register: RegisterLike) -> tuple[str, ...]:
    """The units a person limited to ``organizations`` may see; () for one who is not limited.

    A unit that the register does not know (any more) is still a limit: it never becomes everything.
    """
    if not organizations:
        return ()
    return tuple(sorted({unit for one in organizations for unit in (one, *register.under(one))}))


class VisitorStore:
    """The store as one visitor sees it: only what is in his scope, citizens' identifiers masked.

    Args:
        store: the whole one.
        units: his scope; () is everything.
        masked: kinds of identifiers he does not see without a reason.
        personal: all kinds that count as citizens' identifiers: reading one unmasked is told in ``read``.
        granted: for which documents he has given a reason.
        register: what belongs to whom.
        may_probe: he gave a reason to search for an identifier, which was recorded.

    Attributes:
        read: (kind, id) → kinds of identifiers that were handed out unmasked, for the audit. ``hidden``: those that were masked.
    """

    def __init__(
        self,
        store: Store,
        units: tuple[str, ...],
        masked: frozenset[str],
        granted: GrantCall,
        register: RegisterLike,
        *,
        personal: frozenset[str] = frozenset(),
        may_probe: bool = False,
    ) -> None:
        self._store = store
        self._units = units
        self._masked = masked
        self._personal = personal
        self._granted = granted
        self._register = register
        self._may_probe = may_probe
        self._originals: dict[tuple[str, str], Document] = {}
        self.read: dict[tuple[str, str], set[str]] = {}
        self.hidden: dict[tuple[str, str], set[str]] = {}

    def original(self, kind: Kind, id_: str) -> Document | None:
        """A document as the store holds it, if this visitor was shown it: a report's preview is made of this one."""
        return self._originals.get((kind, id_))

    async def get(self, kind: Kind, id: str) -> Document | None:  # noqa: A002 - the port's name
        """One document, or None: also where it is out of scope."""
        document = await self._store.get(kind, id)
        return self._shown(document) if document and await self.sees(document) else None

    async def get_many(self, kind: Kind, ids: Sequence[str]) -> Mapping[str, Document]:
        """Those of ``ids`` that exist and are in scope."""
        found = await self._store.get_many(kind, ids)
        return {id_: self._shown(document) for id_, document in found.items() if await self.sees(document)}

    async def search(
        self,
        kind: Kind,
        query: Query,
        *,
        limit: int = 50,
        after: tuple[Micros, str] | None = None,
        since: Micros | None = None,
        until: Micros | None = None,
    ) -> Page:
        """Documents that match and are in scope, newest first.

        Raises:
            ProbeError: the query names an identifier that this visitor does not see.
        """
        self._check(query)
        if self._units and kind == "event":
            return await self._scan(query, limit, after, since, until)
        narrowed = await self.narrowed(kind, query)
        if narrowed is None:
            return Page((), None, 0)
        page = await self._store.search(kind, narrowed, limit=limit, after=after, since=since, until=until)
        return page._replace(documents=[self._shown(document) for document in page.documents])

    async def counts(self, kind: Kind, query: Query, field: str, *, limit: int = 20) -> Sequence[tuple[str, int]]:
        """The most frequent values among what is in scope; values that are masked alike are one.

        Raises:
            ProbeError: the query names an identifier that this visitor does not see.
        """
        self._check(query)
        narrowed = await self.narrowed(kind, query)
        if narrowed is None or (self._units and kind == "event"):
            return ()
        counted = await self._store.counts(kind, narrowed, field, limit=limit)
        masker = Masker(self._masked)
        sums: dict[str, int] = {}
        for value, count in counted:
            shown = masker.value(field, value)
            sums[shown] = sums.get(shown, 0) + count
        return sorted(sums.items(), key=lambda item: -item[1])

    async def narrowed(self, kind: Kind, query: Query) -> Query | None:
        """The query within the scope; None where nothing of a kind can be in it. Events are looked at one by one (``sees``)."""
        if not self._units:
            return query
        match kind:
            case "alert" | "incident":
                return _both(query, _any("organization.id", self._units))
            case "report" | "directive":
                ids = await self._incidents()
                return _both(query, _any("incident.id", ids)) if ids else None
            case "silence":
                return _both(query, _any("silence.matchers", tuple(f"unit={unit}" for unit in self._units)))
            case "event":
                return query
            case _:
                return None

    async def sees(self, document: Document) -> bool:
        """Whether a document is in scope."""
        if not self._units:
            return True
        if document.kind == "event":
            places = [(name, text) for name in _PLACES for text in texts_of(document.fields.get(name))]
            return any(hit.unit in self._units for hit in self._register.find(places))
        narrowed = await self.narrowed(document.kind, All())
        return narrowed is not None and matches(narrowed, document.fields)

    def shown(self, document: Document) -> Document:
        """A document that is in scope, masked: for the stream, which has its own copies."""
        return self._shown(document)

    async def _incidents(self) -> tuple[str, ...]:
        query = _any("organization.id", self._units)
        page = await self._store.search("incident", query, limit=MAX_INCIDENTS)
        return tuple(document.id for document in page.documents)

    async def _scan(
        self,
        query: Query,
        limit: int,
        after: tuple[Micros, str] | None,
        since: Micros | None,
        until: Micros | None,
    ) -> Page:
        """Events in scope among the next ``SCAN_PAGES`` pages; the next-page key goes on where this look ended."""
        kept: list[Document] = []
        for _ in range(SCAN_PAGES):
            page = await self._store.search("event", query, limit=limit, after=after, since=since, until=until)
            for document in page.documents:
                if await self.sees(document):
                    kept.append(self._shown(document))
                after = (document.time, document.id)
                if len(kept) == limit:
                    return Page(kept, after, len(kept))
            after = page.after
            if after is None:
                break
        return Page(kept, after, len(kept))

    def _check(self, query: Query) -> None:
        if not self._may_probe and probes(query, self._masked):
            raise ProbeError

    def _shown(self, document: Document) -> Document:
        key = (document.kind, document.id)
        self._originals[key] = document
        granted = self._granted(document.kind, document.id)
        masker = Masker(frozenset() if granted else self._masked)
        masked = masker.document(document)
        personal = self._personal if masker.kinds else self._personal | {NAMED}
        if unmasked := (masker.found & personal) - masker.kinds:
            self.read[key] = unmasked
        if hidden := masker.found & (masker.kinds | ({NAMED} if masker.kinds else set())):
            self.hidden[key] = hidden
        return masked

    async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
        """Never: a visitor only reads.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"a visitor writes nothing: {len(documents)} documents")

    async def clear(self) -> None:
        """Never: a visitor only reads.

        Raises:
            TypeError: always.
        """
        raise TypeError("a visitor clears nothing")

    async def delete_before(self, kind: Kind, time: Micros) -> int:
        """Never: a visitor only reads.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"a visitor deletes nothing: {kind} before {time}")

    async def health(self) -> StoreHealth:
        """How the store is."""
        return await self._store.health()

    async def close(self) -> None:
        """Nothing: the store is the console's."""


def _is(name: str, value: str) -> Query:
    return Field(name, ((False, normal(value)),))


def _any(name: str, values: Sequence[str]) -> Query:
    return Or(tuple(_is(name, value) for value in values))


def _both(query: Query, narrow: Query) -> Query:
    return narrow if isinstance(query, All) else And((query, narrow))
