"""The store in one SQLite file: documents in, pages of them out; FTS5 finds candidates and the reference evaluator decides.

Each kind has a table of documents and a full-text index without content of its own. Our words (``soc.store.words``) are put
into it as they are: FTS5's ``ascii`` tokenizer cuts at ASCII punctuation alone and leaves every other character untouched.
Column ``folded`` holds the words of every value without diacritics; ``exact`` those of the values that have any.

The index process writes; the console and the commands read from other processes (WAL). All work is done in one thread.
"""

# ruff: noqa: S608 - the only names put into SQL are the fixed kinds and columns; every value is bound.

import asyncio
import shutil
import sqlite3
import time as monotonic
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_args

import msgspec

from soc.clock import Micros
from soc.errors import UnavailableError
from soc.store.base import Document, Kind, Page, Refusal, StoreHealth
from soc.store.prefilter import Prefilter, prefilter
from soc.store.query import Query, matches
from soc.store.words import split, texts_of, tokens

P = ParamSpec("P")
T = TypeVar("T")

TOTAL_LIMIT = 10_000
SEARCH_SECONDS = 20.0
"""A search that takes longer is given up with advice, so that one reader's mistake never holds the thread for long."""
BUSY_SECONDS = 30.0
_HEALTH_SECONDS = 5.0
_FREE_MEGABYTES = 512
"""Less than this on the store's disk is told: a write needs room for the log beside the file."""
_SCHEMA = 1
_KINDS: tuple[Kind, ...] = get_args(Kind)
_BETWEEN = " \u2063 "
"""Stands between two values' words (INVISIBLE SEPARATOR, never part of a word), so that no phrase reaches across."""
_DELETE_CHUNK = 2000
_KEPT_FREE_PAGES = 16 * 1024
_PAGES_AT_ONCE = 2000
_REMEMBERED = 80
"""Values up to this length repeat often enough to remember their words."""
_EVER = (-(2**63), 2**63 - 1)

_Row = tuple[str, int, int, bytes, bytes]
_COLUMNS = "id, version, time, fields, body"


class EmbeddedStore:
    """A store in ``path`` (made if it is not there). Any number of readers, one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def write(self, documents: Sequence[Document]) -> Sequence[Refusal]:
        """See the port."""
        return await self._run(self._write, list(documents))

    async def get(self, kind: Kind, id: str) -> Document | None:  # noqa: A002 - the port's name
        """See the port."""
        return (await self.get_many(kind, [id])).get(id)

    async def get_many(self, kind: Kind, ids: Sequence[str]) -> Mapping[str, Document]:
        """See the port."""
        return await self._run(self._get_many, kind, list(ids))

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
        """See the port; ``since`` is inclusive, ``until`` exclusive."""
        within = (_EVER[0] if since is None else since, _EVER[1] if until is None else until - 1)
        return await self._run(self._search, kind, query, limit, after, within)

    async def counts(self, kind: Kind, query: Query, field: str, *, limit: int = 20) -> Sequence[tuple[str, int]]:
        """See the port."""
        return await self._run(self._counts, kind, query, field, limit)

    async def clear(self) -> None:
        """See the port."""
        await self._run(self._clear)

    async def delete_before(self, kind: Kind, time: Micros) -> int:
        """See the port; done in chunks, so that searches come in between."""
        total = 0
        while deleted := await self._run(self._delete_chunk, kind, time):
            total += deleted
        while total and await self._run(self._give_back):
            pass
        return total

    async def health(self) -> StoreHealth:
        """See the port."""
        if not self._path.exists():
            return StoreHealth("green", f"{self._path}: not made yet, the index role does so", "")
        started = monotonic.monotonic()
        try:
            megabytes, free = await asyncio.wait_for(self._run(self._sizes), _HEALTH_SECONDS)
        except TimeoutError:
            advice = "a search or another writer holds it; see who if it stays so"
            return StoreHealth("slow", f"{self._path}: no answer within {_HEALTH_SECONDS:.0f} s", advice)
        except UnavailableError as error:
            return StoreHealth(
                "red", str(error), "put the file away; `soc store rebuild` makes all documents anew from the bus"
            )
        seconds = monotonic.monotonic() - started
        detail = f"{self._path}: {megabytes:,.0f} MB, answered in {seconds * 1000:.0f} ms"
        if free < _FREE_MEGABYTES:
            return StoreHealth("yellow", f"{detail}, {free:,.0f} MB free on its disk", "make room on the disk")
        return StoreHealth("green", detail, "")

    def _sizes(self) -> tuple[float, float]:
        """Megabytes of the file and its log, and megabytes free on its disk."""
        self._open().execute("SELECT count(*) FROM sqlite_schema").fetchone()
        files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists()) / 1e6, shutil.disk_usage(
            self._path.parent
        ).free / 1e6

    async def close(self) -> None:
        """See the port."""
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._connection.close)
            self._connection = None
        self._pool.shutdown(wait=False)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))
        except sqlite3.DatabaseError as error:
            advice = (
                "`soc store rebuild` makes it anew"
                if "malformed" in str(error)
                else "is the disk full, or another writer at work?"
            )
            raise UnavailableError(f"store {self._path}: {error}; {advice}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                connection.execute(
                    "PRAGMA auto_vacuum=INCREMENTAL"
                )  # of a new file only, and before anything is written
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("PRAGMA cache_size=-65536")
                connection.execute("PRAGMA wal_autocheckpoint=8000")
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables. The version is of words and tables together: both must be what the index was built with."""
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == _SCHEMA:
            return
        if found != 0:
            raise UnavailableError(
                f"store {self._path} is of schema {found}, not {_SCHEMA}: delete it and run `soc store rebuild`"
            )
        connection.execute("BEGIN IMMEDIATE")
        for kind in _KINDS:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {kind}_doc (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
                " version INTEGER NOT NULL, time INTEGER NOT NULL, fields BLOB NOT NULL, body BLOB NOT NULL)"
            )
            connection.execute(f"CREATE INDEX IF NOT EXISTS {kind}_time ON {kind}_doc (time, id)")
            connection.execute(
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {kind}_fts USING fts5(folded, exact, content='', tokenize='ascii')"
            )
        connection.execute(f"PRAGMA user_version={_SCHEMA}")
        connection.execute("COMMIT")

    def _write(self, documents: list[Document]) -> list[Refusal]:
        newest: dict[tuple[Kind, str], Document] = {}
        for document in documents:
            key = (document.kind, document.id)
            if key not in newest or newest[key].version < document.version:
                newest[key] = document
        rows: dict[Kind, dict[str, tuple[_Row, str, str]]] = {}
        refusals: list[Refusal] = []
        for document in newest.values():
            try:
                fields = msgspec.json.encode(document.fields)
                row = (document.id, document.version, document.time, fields, msgspec.json.encode(document.body))
                words = _text(msgspec.json.decode(fields))
                document.id.encode()
            except (TypeError, ValueError, OverflowError) as error:
                refusals.append(Refusal(document, f"no JSON: {error}"))
                continue
            if not -(2**63) <= document.time < 2**63:
                refusals.append(Refusal(document, "its time does not fit 64 bits"))
                continue
            rows.setdefault(document.kind, {})[document.id] = (row, *words)
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            for kind, batch in rows.items():
                self._upsert(connection, kind, batch)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        return refusals

    def _upsert(self, connection: sqlite3.Connection, kind: Kind, batch: dict[str, tuple[_Row, str, str]]) -> None:
        ids = msgspec.json.encode(list(batch)).decode()
        old = connection.execute(
            f"SELECT n, id, version, fields FROM {kind}_doc WHERE id IN (SELECT value FROM json_each(?))", (ids,)
        ).fetchall()
        replaced: dict[str, int] = {}
        for n, id_, version, fields in old:
            if version >= batch[id_][0][1]:
                del batch[id_]
                continue
            replaced[id_] = n
            self._forget(connection, kind, n, fields)
        connection.executemany(
            f"UPDATE {kind}_doc SET version=?, time=?, fields=?, body=? WHERE n=?",
            ((*batch[id_][0][1:], n) for id_, n in replaced.items()),
        )
        last = connection.execute(f"SELECT coalesce(max(n), 0) FROM {kind}_doc").fetchone()[0]
        numbered = {id_: replaced.get(id_) or (last := last + 1) for id_ in batch}
        connection.executemany(
            f"INSERT INTO {kind}_doc (n, {_COLUMNS}) VALUES (?,?,?,?,?,?)",
            ((numbered[id_], *row) for id_, (row, _, _) in batch.items() if id_ not in replaced),
        )
        connection.executemany(
            f"INSERT INTO {kind}_fts (rowid, folded, exact) VALUES (?,?,?)",
            ((numbered[id_], folded, exact) for id_, (_, folded, exact) in batch.items()),
        )

    @staticmethod
    def _forget(connection: sqlite3.Connection, kind: Kind, n: int, fields: bytes) -> None:
        """Take a document's words out of the index: FTS5 without content must be told exactly what was put in."""
        connection.execute(
            f"INSERT INTO {kind}_fts ({kind}_fts, rowid, folded, exact) VALUES ('delete',?,?,?)",
            (n, *_text(msgspec.json.decode(fields))),
        )

    def _get_many(self, kind: Kind, ids: list[str]) -> dict[str, Document]:
        wanted = msgspec.json.encode([id_ for id_ in ids if _is_text(id_)]).decode()
        rows = self._open().execute(
            f"SELECT {_COLUMNS} FROM {kind}_doc WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
        )
        return {row[0]: _document(kind, row) for row in rows}

    def _search(
        self, kind: Kind, query: Query, limit: int, after: tuple[Micros, str] | None, within: tuple[Micros, Micros]
    ) -> Page:
        plan = prefilter(query)
        found: list[Document] = []
        total = 0
        if plan.exact:
            total = self._count(kind, plan, within)
        # The page begins after a key, the total does not: two passes, the first of which ends as soon as the page is full.
        for row, fields in self._matching(kind, query, plan, within, after):
            found.append(_document(kind, row, fields))
            if len(found) > limit:
                break
        if not plan.exact:
            for _ in self._matching(kind, query, plan, within, None):
                total += 1
                if total >= TOTAL_LIMIT:
                    break
        more = len(found) > limit
        found = found[:limit]
        return Page(found, (found[-1].time, found[-1].id) if more and found else None, total)

    def _count(self, kind: Kind, plan: Prefilter, within: tuple[Micros, Micros]) -> int:
        source, values = _candidates(kind, plan)
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {source} AND d.time BETWEEN ? AND ? LIMIT {TOTAL_LIMIT})"
        return self._open().execute(sql, (*values, *within)).fetchone()[0]

    def _matching(
        self, kind: Kind, query: Query, plan: Prefilter, within: tuple[Micros, Micros], after: tuple[Micros, str] | None
    ) -> Iterator[tuple[_Row, dict[str, Any]]]:
        """Documents that match, newest first.

        Few candidates are sorted; where there are many, documents are tried from the newest on: a page is full soon.
        """
        connection = self._open()
        source, values = _candidates(kind, plan)
        if plan.text is not None:
            some = f"SELECT count(*) FROM (SELECT 1 FROM {kind}_fts WHERE {kind}_fts MATCH ? LIMIT {TOTAL_LIMIT})"
            if connection.execute(some, (plan.text,)).fetchone()[0] >= TOTAL_LIMIT:
                source, values = _candidates(kind, Prefilter(None, exact=False, excluded=plan.excluded))
                plan = Prefilter(None, exact=False)
        columns = ", ".join(f"d.{name}" for name in _COLUMNS.split(", "))
        beyond, key = ("", ()) if after is None else (" AND (d.time, d.id) < (?, ?)", after)
        sql = f"SELECT {columns} FROM {source} AND d.time BETWEEN ? AND ?{beyond} ORDER BY d.time DESC, d.id DESC"
        deadline = monotonic.monotonic() + SEARCH_SECONDS
        with closing(connection.cursor()) as cursor:
            for n, row in enumerate(cursor.execute(sql, (*values, *within, *key))):
                fields: dict[str, Any] = msgspec.json.decode(row[3])
                if plan.exact or matches(query, fields):
                    yield row, fields
                if n % 1000 == 0 and monotonic.monotonic() > deadline:
                    raise UnavailableError(
                        f"the search took longer than {SEARCH_SECONDS:.0f} s: narrow it by time or by a word"
                    )

    def _counts(self, kind: Kind, query: Query, field: str, limit: int) -> list[tuple[str, int]]:
        counter: Counter[str] = Counter()
        for _, fields in self._matching(kind, query, prefilter(query), _EVER, None):
            counter.update(set(texts_of(fields.get(field))))
        return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:limit]

    def _clear(self) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        for kind in _KINDS:
            connection.execute(f"DELETE FROM {kind}_doc")
            connection.execute(f"INSERT INTO {kind}_fts ({kind}_fts) VALUES ('delete-all')")
        connection.execute("COMMIT")

    def _give_back(self) -> bool:
        """Hand some free pages back to the disk, but for those that the next documents fill; whether there may be more."""
        connection = self._open()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if free <= _KEPT_FREE_PAGES:
            return False
        # executescript, because execute() stops after the first page: the pragma gives rows without columns.
        connection.executescript(f"PRAGMA incremental_vacuum({min(_PAGES_AT_ONCE, free - _KEPT_FREE_PAGES)})")
        (left,) = connection.execute("PRAGMA freelist_count").fetchone()
        return left < free

    def _delete_chunk(self, kind: Kind, time: Micros) -> int:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            rows = connection.execute(
                f"SELECT n, fields FROM {kind}_doc WHERE time < ? ORDER BY time LIMIT {_DELETE_CHUNK}", (time,)
            ).fetchall()
            for n, fields in rows:
                self._forget(connection, kind, n, fields)
            connection.executemany(f"DELETE FROM {kind}_doc WHERE n=?", ((n,) for n, _ in rows))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        return len(rows)


def _candidates(kind: Kind, plan: Prefilter) -> tuple[str, tuple[str, ...]]:
    without = f" AND d.n NOT IN (SELECT rowid FROM {kind}_fts WHERE {kind}_fts MATCH ?)" * len(plan.excluded)
    if plan.text is None:
        return f"{kind}_doc d WHERE 1{without}", plan.excluded
    joined = f"{kind}_fts f CROSS JOIN {kind}_doc d ON d.n = f.rowid WHERE {kind}_fts MATCH ?"
    return joined + without, (plan.text, *plan.excluded)


def _document(kind: Kind, row: _Row, fields: dict[str, Any] | None = None) -> Document:
    return Document(
        kind,
        row[0],
        row[1],
        row[2],
        msgspec.json.decode(row[3]) if fields is None else fields,
        msgspec.json.decode(row[4]),
    )


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(fields: Mapping[str, Any]) -> tuple[str, str]:
    """The words of all values as the two columns; a value whose words stand in another one already is not repeated."""
    texts: set[str] = set()
    for value in fields.values():
        if type(value) is str:
            texts.add(value)
        else:
            texts.update(texts_of(value))
    folded = exact = _BETWEEN
    for text in sorted(sorted(texts), key=len, reverse=True):
        words, marked = _joined(text) if len(text) <= _REMEMBERED else _joined.__wrapped__(text)
        if words not in folded:
            folded += words + _BETWEEN
        if marked:
            exact += marked + _BETWEEN
    return folded, exact


@lru_cache(maxsize=65536)
def _joined(text: str) -> tuple[str, str]:
    """A value's words without diacritics, and with them where it has any, each with a space at both ends."""
    if text.isascii():
        return f" {' '.join(split(text))} ", ""
    made = tokens(text)
    return f" {' '.join(made.folded)} ", f" {' '.join(made.exact)} " if made.exact != made.folded else ""
