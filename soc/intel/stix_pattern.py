"""A STIX pattern in, the values that it asks for out: alternatives, each of one or more values that one event must have.

The part of STIX 2.1 §9 that a line of a log can answer: comparisons of ``ipv4-addr``, ``ipv6-addr``, ``domain-name``, ``url``,
``file:hashes``, ``email-addr`` and the ends of ``network-traffic``, joined by OR and AND within one observation; observations by OR.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple, TypeVar

from soc.intel import value as values
from soc.intel.indicator import Kind
from soc.intel.value import Canonical

ALTERNATIVES: Final = 1_000
LONGEST: Final = 100_000
_DEEPEST: Final = 50

T = TypeVar("T")

Term = tuple[Canonical, ...]
"""Values that one event must all have."""


class PatternError(ValueError):
    """The pattern cannot be used, and why."""


class _Token(NamedTuple):
    kind: str
    text: str


_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<typed>[thb]'(?:[^'\\]|\\.)*')
    | (?P<compare>!=|>=|<=|=|>|<)
    | (?P<punctuation>[\[\](),])
    | (?P<path>[a-z0-9-]+:[A-Za-z0-9_.\-\[\]*]+(?:'[^']*')?(?:\.[A-Za-z0-9_'\-]+)*)
    | (?P<word>[A-Za-z]+)
    | (?P<number>-?\d+(?:\.\d+)?)
    )""",
    re.VERBOSE,
)
_PATHS: Final[dict[str, Kind]] = {
    "ipv4-addr:value": "address",
    "ipv6-addr:value": "address",
    "network-traffic:src_ref.value": "address",
    "network-traffic:dst_ref.value": "address",
    "domain-name:value": "domain",
    "url:value": "url",
    "email-addr:value": "mail",
    "email-message:from_ref.value": "mail",
    "email-message:sender_ref.value": "mail",
}
_DIGEST: Final = re.compile(r"file:hashes\.'?(MD5|SHA-?1|SHA-?256|[A-Za-z0-9-]+)'?", re.IGNORECASE)
_DIGESTS: Final[dict[str, Kind]] = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256"}
_BESIDE_A_DIGEST: Final = ("file:name", "file:size", "file:parent_directory_ref", "file:mime_type", "file:extensions")
"""They say less than the digest beside them, which is enough."""
_QUALIFIERS: Final = ("WITHIN", "REPEATS", "START", "STOP")

# A comparison that may be left out beside a digest is None.
_Leaf = Canonical | None


def terms_of(pattern: str) -> tuple[Term, ...]:
    """The alternatives of a pattern.

    Raises:
        PatternError: it is no pattern, or asks for what one event cannot answer.
    """
    if len(pattern) > LONGEST:
        raise PatternError(f"longer than {LONGEST} characters")
    parser = _Parser(list(_tokens(pattern)))
    terms = parser.observations(0)
    if parser.peek().kind != "end":
        raise PatternError(_beyond(parser.peek()))
    return tuple(dict.fromkeys(terms))


def _tokens(pattern: str) -> Iterator[_Token]:
    place = 0
    while place < len(pattern):
        found = _TOKEN.match(pattern, place)
        if found is None or found.lastgroup is None:
            if not pattern[place:].strip():
                return
            raise PatternError(f"no pattern at character {place + 1}")
        place = found.end()
        yield _Token(found.lastgroup, found[found.lastgroup])


def _beyond(token: _Token) -> str:
    if token.text in ("AND", "FOLLOWEDBY"):
        return f"{token.text} of observations asks for several events"
    if token.text in _QUALIFIERS:
        return f"{token.text} asks for several events"
    return f"unexpected {token.text!r}"


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self) -> _Token:
        """The next token."""
        return self._tokens[self._place] if self._place < len(self._tokens) else _Token("end", "the end")

    def _next(self) -> _Token:
        token = self.peek()
        self._place += 1
        return token

    def _expect(self, text: str) -> None:
        token = self._next()
        if token.text != text:
            raise PatternError(f"{text!r} expected, not {token.text!r}")

    def observations(self, depth: int) -> list[Term]:
        """Observations joined by OR."""
        terms = self._observation(depth)
        while self.peek().text == "OR":
            self._next()
            terms = _bounded([*terms, *self._observation(depth)])
        return terms

    def _observation(self, depth: int) -> list[Term]:
        if depth > _DEEPEST:
            raise PatternError("nested too deeply")
        token = self._next()
        if token.text == "(":
            terms = self.observations(depth + 1)
            if self.peek().text != ")":
                raise PatternError(_beyond(self.peek()))
            self._next()
            return terms
        if token.text != "[":
            raise PatternError(f"'[' expected, not {token.text!r}")
        choices = self._either(depth + 1)
        self._expect("]")
        return [_term(choice) for choice in choices]

    def _either(self, depth: int) -> list[tuple[_Leaf, ...]]:
        choices = self._all(depth)
        while self.peek().text == "OR":
            self._next()
            choices = _bounded([*choices, *self._all(depth)])
        return choices

    def _all(self, depth: int) -> list[tuple[_Leaf, ...]]:
        choices = self._comparison(depth)
        while self.peek().text == "AND":
            self._next()
            more = self._comparison(depth)
            if len(choices) * len(more) > ALTERNATIVES:
                raise PatternError(f"more than {ALTERNATIVES} alternatives")
            choices = [(*one, *other) for one, other in product(choices, more)]
        return choices

    def _comparison(self, depth: int) -> list[tuple[_Leaf, ...]]:
        if depth > _DEEPEST:
            raise PatternError("nested too deeply")
        token = self._next()
        if token.text == "(":
            choices = self._either(depth + 1)
            self._expect(")")
            return choices
        if token.kind != "path":
            raise PatternError(_beyond(token) if token.text in _QUALIFIERS else f"{token.text!r} is no property")
        operator = self._next()
        if operator.text == "NOT":
            raise PatternError("NOT asks for what is not there")
        if operator.text not in ("=", "IN", "ISSUBSET"):
            raise PatternError(f"{operator.text} compares with more than values")
        texts = self._list() if operator.text == "IN" else [self._literal()]
        return [(_leaf(token.text, text),) for text in texts]

    def _literal(self) -> str:
        token = self._next()
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.kind in ("number", "word", "typed"):
            return token.text
        raise PatternError(f"a value expected, not {token.text!r}")

    def _list(self) -> list[str]:
        self._expect("(")
        texts = [self._literal()]
        while self.peek().text == ",":
            self._next()
            texts.append(self._literal())
        self._expect(")")
        return texts


def _leaf(path: str, text: str) -> _Leaf:
    found = _DIGEST.fullmatch(path)
    kind = _DIGESTS.get(found[1].upper().replace("-", "")) if found else _PATHS.get(path)
    if kind is None:
        if path.startswith(_BESIDE_A_DIGEST):
            return None
        raise PatternError(f"{path} is in no event here")
    try:
        return values.canonical(kind, text)
    except ValueError as error:
        raise PatternError(f"{path}: {error}") from error


def _term(choice: tuple[_Leaf, ...]) -> Term:
    """One alternative. Digests joined by AND are of one file, and one of them is enough: a log has rarely all."""
    known = tuple(dict.fromkeys(leaf for leaf in choice if leaf is not None))
    digests = tuple(leaf for leaf in known if leaf.kind in ("md5", "sha1", "sha256"))
    if None in choice and not digests:
        raise PatternError("a file's name or size alone says too little")
    if digests and len(digests) < len(known):
        raise PatternError("a file and something else at once is in no event here")
    return known


def _bounded(items: list[T]) -> list[T]:
    if len(items) > ALTERNATIVES:
        raise PatternError(f"more than {ALTERNATIVES} alternatives")
    return items
