"""A text as somebody disguised it in; the text as a reader would understand it out, with the way back to the offsets.

NFD, full-width digits, zero-width characters, odd blanks, percent codes, HTML entities, JSON escapes, defanged dots and runs of
Base64 or hexadecimal are undone, so that the finders need to know one spelling only.
"""

import binascii
import html
import re
import unicodedata
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

ROUNDS = 4
"""How many disguises one over another are undone."""

SHORT_RUN = 200
"""Characters of a run of Base64 that may be glued to a word before it: it is read from each of four places."""

_ZERO_WIDTH = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufeff"
_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2212\u02d7\u00b7\u2219"
_WIDE = (
    "\uff00-\uffef\ufe50-\ufe6b\u2024\u3002\u00b2\u00b3\u00b9\u2070-\u209c\u2460-\u249b\u24b6-\u24ea\u2776-\u2793"
    "\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59\u0ed0-\u0ed9\u1040-\u1049\u17e0-\u17e9\u1810-\u1819"
    "\U0001d400-\U0001d7ff"
)
_MARKS = "\u0300-\u036f"

_DISGUISE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|&(?:\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
    r"|\\u\{?[0-9A-Fa-f]{4}\}?(?:\\u[0-9A-Fa-f]{4})*|\\x[0-9A-Fa-f]{2}"
    r"|[\[({](?:\.|dot|@|at|:|a còng)[\])}] ?"
    rf"|[{_MARKS}]+|[{_ZERO_WIDTH}]+|[{_BLANKS}]|[{_DASHES}]|[{_WIDE}]"
)
_FIRST = re.compile(rf"[%&\\\[({{{_MARKS}{_ZERO_WIDTH}{_BLANKS}{_DASHES}{_WIDE}]")
_BREAK = re.compile(r"[ \t]*(?:=?\r?\n|\\r\\n|\\n|\r|\u2028|\u2029|\x0b|\x0c|\x85)[ \t>|]*(?:\\n|\n)?[ \t]*|\t+")
_BREAKS = re.compile(r"[\n\r\t\\\u2028\u2029\x0b\x0c\x85]")
_RUN = re.compile(r"[A-Za-z0-9+/_-](?<![A-Za-z0-9+/_-]{2})[A-Za-z0-9+/_-]{5,}(?:={1,2}|(?<=[A-Za-z0-9+/_-]{11}))")
_USUAL = re.compile(
    r"[A-Z-]+|[0-9]{1,6}(?:/[0-9]{4})?(?:/[A-Z]+)*(?:-[A-Z]+)*|[0-9/-]+|[A-Z]?[a-z]+(?:[/_-][A-Z]?[a-z]+)*"
)
"""Words and numbers of documents (1552/BTTTT-CATTT), which are no Base64."""
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?)+")
_PLUS = re.compile(r"\+")
_QUOTED = re.compile(r"=[0-9A-F]{2}(?:=[0-9A-F]{2})*")
_READABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ufffd]{4,}")


@dataclass(frozen=True, slots=True)
class View:
    """A text derived from another one.

    Attributes:
        text: what the finders read.
        pieces: (offset here, offset in the original, as long there as here) of each piece, ascending.
        parent: what it was derived from; None is the original.
    """

    text: str
    pieces: tuple[tuple[int, int, bool], ...] = ((0, 0, True),)
    size: int = 0
    parent: "View | None" = None

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that a span of this view comes from; undone escapes are taken whole."""
        if self.parent is None:
            return start, end
        return self.parent.origin(self._low(start), self._high(end))

    def _low(self, at: int) -> int:
        here, there, same = self.pieces[bisect_right(self.pieces, (at, 1 << 60, True)) - 1]
        return there + (at - here if same else 0)

    def _high(self, end: int) -> int:
        index = bisect_right(self.pieces, (end - 1, 1 << 60, True)) - 1
        here, there, same = self.pieces[index]
        if same:
            return there + end - here
        return self.pieces[index + 1][1] if index + 1 < len(self.pieces) else self.size


def plain(text: str) -> View:
    """The text with its disguises undone, one over another up to ``ROUNDS``."""
    view = View(text)
    for _ in range(ROUNDS):
        further = _derived(view, _disguises(view.text), _undone)
        if further is None:
            break
        view = further
    return view


def joined(view: View) -> View | None:
    """The view with its line breaks taken out; None where it has none."""
    if not _BREAKS.search(view.text):
        return None
    return _derived(view, _BREAK.finditer(view.text), lambda _match, _text: (0, ""))


def again(view: View) -> View | None:
    """The view with the disguises undone that joining its lines put together; None where there are none."""
    return _derived(view, _disguises(view.text), _undone)


def unplussed(view: View) -> View | None:
    """The view with a blank for each plus, as forms send it; None where it has none."""
    return _derived(view, _PLUS.finditer(view.text), lambda _match, _text: (0, " ")) if "+" in view.text else None


def unquoted(view: View) -> View | None:
    """The view with quoted-printable codes (``=40``) undone; None where it has none."""
    return _derived(
        view,
        _QUOTED.finditer(view.text),
        lambda match, _: (0, _bytes_text(bytes.fromhex(match.group().replace("=", "")))),
    )


def hidden(text: str) -> Iterator[tuple[int, int, str]]:
    """Runs of Base64 and of hexadecimal that hide readable text: start, end and what they hide."""
    for match in _RUN.finditer(text):
        run = match.group().rstrip("=")
        if (run == run.lower() or _USUAL.fullmatch(run)) and not _HEX.fullmatch(run):
            continue
        for shown in _readings(run):
            yield match.start(), match.end(), shown


def _readings(run: str) -> Iterator[str]:
    if _HEX.fullmatch(run):
        digits = re.sub(r"[ :]", "", run)
        if len(digits) % 2 == 0 and (shown := _readable(bytes.fromhex(digits))):
            yield shown
    if _HEX.fullmatch(run) and len(run) in {32, 40, 64, 96, 128}:
        return
    body = run.replace("-", "+").replace("_", "/")
    for skipped in range(4) if "/" in body or "+" in body or len(body) <= SHORT_RUN else (0,):
        part = body[skipped:]
        part = part[: len(part) - 1] if len(part) % 4 == 1 else part
        try:
            data = b64decode(part + "=" * (-len(part) % 4))
        except (ValueError, binascii.Error):
            continue
        if shown := _readable(data):
            yield shown


def _readable(data: bytes) -> str:
    """The readable stretches of bytes, one a line; "" where there are none worth reading."""
    wide = data.count(0) * 4 > len(data)  # UTF-16, as PowerShell encodes its commands
    parts = _READABLE.findall(data.decode("utf-16-le" if wide else "utf-8", "replace"))
    return "\n".join(parts) if sum(map(len, parts)) * (4 if wide else 2) >= len(data) * 0.8 else ""


def _disguises(text: str) -> Iterator[re.Match[str]]:
    """Every disguise; looking for the first sign alone is much faster than trying all of them everywhere."""
    done = 0
    for sign in _FIRST.finditer(text):
        if sign.start() >= done and (match := _DISGUISE.match(text, sign.start())):
            done = match.end()
            yield match


def _derived(
    view: View, matches: Iterator[re.Match[str]], undo: Callable[[re.Match[str], str], tuple[int, str]]
) -> View | None:
    """The view with every match replaced; None where nothing changes."""
    text, parts, pieces, last, length = view.text, list[str](), list[tuple[int, int, bool]](), 0, 0
    for match in matches:
        back, new = undo(match, text)
        start = max(match.start() - back, last)
        if new == match.group():
            continue
        if start > last:
            pieces.append((length, last, True))
            parts.append(text[last:start])
            length += start - last
        if new:
            pieces.append((length, start, False))
            parts.append(new)
            length += len(new)
        last = match.end()
    if not last:
        return None
    if last < len(text):
        pieces.append((length, last, True))
        parts.append(text[last:])
    return View("".join(parts), tuple(pieces) or ((0, 0, True),), len(text), view)


def _undone(match: re.Match[str], text: str) -> tuple[int, str]:
    """How many characters before the match belong to it, and what stands for all of them."""
    found = match.group()
    first = found[0]
    if first == "%":
        return 0, _bytes_text(unquote_to_bytes(found)) or found
    if first == "&":
        return 0, html.unescape(found)
    if first == "\\":
        return 0, _escape(found)
    if first in "[({":
        said = found.rstrip()[1:-1]
        back = int(text[match.start() - 1 : match.start()] == " ")
        return back, {"dot": ".", "at": "@", "a còng": "@"}.get(said, said)
    if "\u0300" <= first <= "\u036f":
        start = match.start()
        return (1, unicodedata.normalize("NFC", text[start - 1 : match.end()])) if start else (0, "")
    return 0, _sign(first)


def _sign(char: str) -> str:
    """What a character stands for that looks like a usual one, or like nothing."""
    if _ONE["zero"].match(char):
        return ""
    if _ONE["blank"].match(char):
        return " "
    if _ONE["dash"].match(char):
        return "-"
    if char == "\u3002":
        return "."
    digit = unicodedata.digit(char, None)
    return str(digit) if digit is not None else unicodedata.normalize("NFKC", char)


def _escape(found: str) -> str:
    codes = [int(code, 16) for code in re.findall(r"[0-9A-Fa-f]{4}|(?<=\\x)[0-9A-Fa-f]{2}", found)]
    return b"".join(code.to_bytes(2, "big") for code in codes).decode("utf-16-be", "replace")


def _bytes_text(data: bytes) -> str:
    """Bytes as text; "" where they are none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return text.replace("\0", "")


_ONE = {"zero": re.compile(f"[{_ZERO_WIDTH}]"), "blank": re.compile(f"[{_BLANKS}]"), "dash": re.compile(f"[{_DASHES}]")}
