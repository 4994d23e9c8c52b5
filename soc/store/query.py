"""The query language of search: its syntax tree, parser and reference evaluator, which every store must equal.

    ssh failed                      both words, anywhere in the document
    "failed password"               the words in this order
    source.ip:192.0.2.7             a field's value, case folded; lists match if any item does
    user.name:adm*                  wildcards * and ?
    severity>=5  @timestamp<2026-11 comparisons: numbers as numbers, times as times
    _exists_:user.name              the field is there
    NOT, AND, OR, ( )               AND binds tighter than OR; juxtaposition is AND

Words are made by ``tokens``: NFC, case-folded, and a second time without diacritics (đ → d), so that ``đăng nhập`` finds
``Đăng nhập`` and ``dang nhap`` finds both.
"""

from typing import NamedTuple


class All(NamedTuple):
    """Matches every document: the empty query."""


Query = All
