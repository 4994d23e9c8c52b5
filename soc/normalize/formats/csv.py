"""One row of a CSV dialect → its values as text, in time proportional to the row's length.

``read(line)`` is RFC 4180's dialect; ``read(line, dialect)`` takes another delimiter, quote or an escape character.
"""

import re
from dataclasses import dataclass, field

MOST_VALUES = 4096
"""A row of more values is no log line of any vendor: the last one then holds the rest of the row as it stands."""


@dataclass(frozen=True, slots=True)
class Dialect:
    r"""How a sender writes a row.

    Attributes:
        delimiter: one character between two values.
        quote: one character around a value that holds a delimiter; doubled inside (RFC 4180 §2.7).
        escape: ``\`` where the sender escapes quotes, delimiters and itself with it in a quoted value; "" where it is a plain
            character.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    body: re.Pattern[str] = field(init=False, repr=False, compare=False)
    escaped: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the expressions of a quoted value."""
        quote, delimiter, escape = (re.escape(mark) for mark in (self.quote, self.delimiter, self.escape))
        # A quote that neither is doubled nor stands before a delimiter or the end closes nothing: senders that forget to
        # double the quotes of a user agent are read as they meant it. Unrolled, and nothing follows: it never goes back.
        inner = rf"{quote}{quote}|{quote}(?!{delimiter}|\Z)"
        if escape:
            inner = rf"{escape}.|{inner}"
        body = re.compile(rf"[^{quote}{escape}]*(?:(?:{inner})[^{quote}{escape}]*)*", re.DOTALL)
        object.__setattr__(self, "body", body)
        known = f"{escape}([{quote}{delimiter}{escape}])|" if escape else "()"
        object.__setattr__(self, "escaped", re.compile(rf"{known}{quote}({quote})"))


COMMA = Dialect()
"""RFC 4180."""


def read(line: str, dialect: Dialect = COMMA, *, most: int = MOST_VALUES) -> list[str]:
    """The values of one row.

    Args:
        line: the row without its line end.
        dialect: how it is written.
        most: no more values than this; the last one then holds what is left.

    Returns:
        At least one value. A quote that is never closed makes the rest of the line the last value (a line cut short).
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    if quote not in line:
        return line.split(delimiter, most - 1)
    values: list[str] = []
    opening = delimiter + quote
    at = 0
    while True:
        room = most - len(values) - 1
        if room <= 0:
            values.append(line[at:])
            return values
        if line.startswith(quote, at):
            value, end = _quoted(line, at + 1, dialect)
            values.append(value)
            if end < 0:
                return values
            at = end
            continue
        end = line.find(opening, at)
        values += line[at : end if end >= 0 else None].split(delimiter, room)
        if end < 0:
            return values
        if len(values) == most:
            values[-1] += line[end:]
            return values
        at = end + 1


def _quoted(line: str, start: int, dialect: Dialect) -> tuple[str, int]:
    """The value whose quote is already open at ``start``, and where the next one starts, -1 if it was the last."""
    match = dialect.body.match(line, start)
    end = start if match is None else match.end()
    value = line[start:end]
    if dialect.quote in value or (dialect.escape and dialect.escape in value):
        value = dialect.escaped.sub(r"\1\2", value)
    after = end + 1  # the closing quote
    return value, after + 1 if after < len(line) else -1
