"""A query in, an FTS5 expression out that every match satisfies: it finds candidates, the evaluator decides.

``None`` as text means that no words are known which a match must have, so every document is a candidate.
"""

from typing import NamedTuple

from soc.store.query import All, And, Field, Not, Or, Phrase, Query
from soc.store.words import tokens


class Prefilter(NamedTuple):
    """What FTS5 is asked.

    Attributes:
        text: the MATCH expression, or None for all documents.
        exact: the candidates are the matches: nothing is left to evaluate.
        excluded: expressions of which no match satisfies any: candidates that do are left out.
    """

    text: str | None
    exact: bool
    excluded: tuple[str, ...] = ()


_EVERYTHING = Prefilter(None, exact=False)


def prefilter(query: Query) -> Prefilter:
    """The narrowest expression known that holds for every match."""
    match query:
        case All():
            return Prefilter(None, exact=True)
        case Phrase(words, folded, prefix):
            column = "folded" if folded else "exact"
            return Prefilter(f'{column} : "{" ".join(words)}"{" *" if prefix else ""}', exact=True)
        case Field(_, pattern):
            return _of_field(pattern)
        case And(queries):
            parts = [prefilter(part) for part in queries]
            texts = [part.text for part in parts if part.text is not None]
            joined = " AND ".join(f"({text})" for text in texts) or None
            excluded = tuple(text for part in parts for text in part.excluded)
            return Prefilter(joined, exact=all(part.exact for part in parts), excluded=excluded)
        case Or(queries):
            parts = [prefilter(part) for part in queries]
            texts = [part.text for part in parts if part.text is not None]
            if any(part.text is None or part.excluded for part in parts):
                return Prefilter(None, exact=any(isinstance(part, All) for part in queries))
            return Prefilter(" OR ".join(f"({text})" for text in texts), exact=all(part.exact for part in parts))
        case Not(inner):
            part = prefilter(inner)
            if part.text is None or not part.exact or part.excluded:
                return _EVERYTHING
            return Prefilter(None, exact=True, excluded=(part.text,))
        case _:
            return _EVERYTHING


def _of_field(pattern: tuple[tuple[bool, str], ...]) -> Prefilter:
    """The words of the value's literal parts; a word that touches a wildcard is only a part of one and is left out."""
    wanted: list[str] = []
    for index, (wild, text) in enumerate(pattern):
        if wild:
            continue
        words = list(tokens(text).folded)
        if index > 0 and words and (text[0].isalnum() or not text[0].isascii()):
            words = words[1:]
        prefix = ""
        if index + 1 < len(pattern) and words and (text[-1].isalnum() or not text[-1].isascii()):
            last = words.pop()
            # The last word goes on into the wildcard: its beginning is known, unless folding may change where it ends.
            if not (index > 0 and not words) and last.isascii():
                words.append(last)
                prefix = " *"
        if words:
            wanted.append(f'folded : "{" ".join(words)}"{prefix}')
    return Prefilter(" AND ".join(f"({text})" for text in wanted) or None, exact=False)
