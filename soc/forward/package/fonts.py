"""A directory or nothing in, the four files of a serif font with every Vietnamese letter out; none is shipped with the product.

A family is taken only if each face has all the letters: older releases of Liberation look right and print boxes.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from reportlab.pdfbase.ttfonts import TTFError, TTFontFile

from soc.errors import UnavailableError

PLACES = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("/usr/share/texmf/fonts"),
    Path("~/.local/share/fonts").expanduser(),
)
"""Where distributions put fonts (the defaults of fontconfig)."""


class Faces(NamedTuple):
    """The files of one font."""

    regular: Path
    bold: Path
    italic: Path
    bold_italic: Path


_FAMILIES: Sequence[tuple[str, str, str, str]] = (
    ("times.ttf", "timesbd.ttf", "timesi.ttf", "timesbi.ttf"),
    *(
        (f"{name}-Regular.ttf", f"{name}-Bold.ttf", f"{name}-Italic.ttf", f"{name}-BoldItalic.ttf")
        for name in ("LiberationSerif", "Tinos", "NotoSerif")
    ),
    ("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSerif-Italic.ttf", "DejaVuSerif-BoldItalic.ttf"),
)
"""Times New Roman, which Decree 30/2020/NĐ-CP asks for, then those of the same measures, then others."""


def _letters() -> Iterator[str]:
    for vowel, tone in product("aăâeêioôơuưy", ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")):
        letter = normalize("NFC", vowel + tone)
        yield from (letter, letter.upper())
    yield from "đĐ"


LETTERS = frozenset(_letters())
"""Every Vietnamese letter that ASCII has not, and the vowels it has."""


def find(directory: str = "") -> Faces:
    """The first family that is there with all four faces and all letters.

    Args:
        directory: where to look, and below; "" = where distributions put fonts.

    Raises:
        UnavailableError: there is none; the message says what to install.
    """
    places = (Path(directory),) if directory else PLACES
    there: dict[str, Path] = {}
    for place in places:
        if place.is_dir():
            there |= {path.name: path for path in sorted(place.rglob("*.ttf"))}
    lacking: list[str] = []
    for family in _FAMILIES:
        if all(name in there for name in family):
            if all(_complete(there[name], there[name].stat().st_mtime_ns) for name in family):
                return Faces(*(there[name] for name in family))
            lacking.append(str(there[family[0]]))
    where = directory or ", ".join(str(place) for place in places)
    beside = f" ({', '.join(lacking)} has not all of them)" if lacking else ""
    raise UnavailableError(
        f"no serif font with every Vietnamese letter below {where}{beside}: install fonts-noto-core (Debian, Ubuntu) or "
        "google-noto-serif-fonts (RHEL), or name a directory in [forward.receiver.paper] fonts"
    )


@lru_cache(maxsize=64)
def _complete(path: Path, changed: int) -> bool:
    """Whether a font has every letter; asked again when the file ``changed``."""
    del changed
    try:
        glyphs = TTFontFile(str(path)).charToGlyph
    except (OSError, TTFError):
        return False
    return all(ord(letter) in glyphs for letter in LETTERS)
