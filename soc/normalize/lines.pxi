# Lines taken apart, a part of native.pyx: key=value whose order of keys is known, and access logs.


# key=value

cdef inline bint _blank(unsigned char c) noexcept:
    return c == 32 or 9 <= c <= 13


cdef class Shape:
    """One order of keys, each quoted or bare: as the expression that ``soc.normalize.formats.kv_shapes`` makes of it."""

    cdef tuple marks
    cdef bytes bare
    cdef list last
    cdef object expression

    def __init__(self, names, quoted, expression):
        """``names``: the keys, ASCII; ``quoted``: of each, whether its value stands in quotes; ``expression``: the same."""
        self.expression = expression
        self.marks = tuple([
            ((" " if at else "") + name + ("=\"" if quote else "=")).encode("ascii")
            for at, (name, quote) in enumerate(zip(names, quoted, strict=True))
        ])
        self.bare = bytes([not quote for quote in quoted])
        self.last = [""] * len(self.marks)

    def match(self, str text not None):
        """The values of a line that is these pairs and nothing else, one blank between two; None for any other."""
        cdef Py_ssize_t count = len(self.marks), size, at = 0, length, i
        cdef unsigned char *data
        cdef unsigned char *end
        cdef const unsigned char *bare = self.bare
        cdef const char *mark
        cdef list values
        if not PyUnicode_IS_ASCII(text):
            found = self.expression.fullmatch(text)
            return None if found is None else found.groups()
        data, size = <unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
        values = [None] * count
        for i in range(count):
            length = len(<bytes>self.marks[i])
            mark = <bytes>self.marks[i]
            if size - at < length or memcmp(data + at, mark, length):
                return None
            at += length
            length = 0
            if bare[i]:
                while at + length < size and data[at + length] != 34 and not _blank(data[at + length]):
                    length += 1
            else:
                end = <unsigned char *>memchr(data + at, 34, size - at)
                if end is NULL:
                    return None
                length = end - (data + at)
            values[i] = self._value(i, text, data + at, at, length)
            at += length + (0 if bare[i] else 1)
        return tuple(values) if at == size else None

    cdef object _value(self, Py_ssize_t i, str text, unsigned char *data, Py_ssize_t at, Py_ssize_t length):
        """A part of the text; the same object as in the line before, if it is the same text."""
        cdef object before = self.last[i]
        if PyUnicode_GET_LENGTH(before) == length and not memcmp(PyUnicode_DATA(before), data, length):
            return before
        found = PyUnicode_Substring(text, at, at + length)
        self.last[i] = found
        return found


# Access logs

cdef Py_ssize_t _word(const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
    """Where a word of at most 255 characters ends, one blank after it; -1 if it does not."""
    cdef Py_ssize_t start = at
    while at < size and not _blank(data[at]) and data[at] != 91 and data[at] != 34:
        at += 1
    return at if start < at <= start + 255 and at < size and data[at] == 32 else -1


cdef Py_ssize_t _closing(const unsigned char *data, Py_ssize_t at, Py_ssize_t size) noexcept:
    """Where the quote that was opened before ``at`` is closed; -1: it is not, or there are escapes."""
    cdef unsigned char *end
    if at >= size:
        return -1
    end = <unsigned char *>memchr(data + at, 34, size - at)
    if end is NULL or memchr(data + at, 92, end - (data + at)) is not NULL:
        return -1
    return end - data


cdef bint _is_clf(const unsigned char *at) noexcept:
    """``[08/Jun/2026:06:49:01 +0700] "``, 30 characters."""
    cdef const char *form = b"[00/Aaa/0000:00:00:00 +0000] \""
    cdef int i
    for i in range(30):
        if form[i] == 48:
            if not 48 <= at[i] <= 57:
                return False
        elif form[i] == 65:
            if not 65 <= at[i] <= 90:
                return False
        elif form[i] == 97:
            if not 97 <= at[i] <= 122:
                return False
        elif at[i] != form[i] and not (form[i] == 43 and at[i] == 45):
            return False
    return True


def access(str text not None):
    """The groups of ``soc.normalize.formats.clf``'s expression of a whole line, and where they end.

    None for what it does not match, and for what it is asked itself: text beyond ASCII, escapes, parts that are not there.
    """
    cdef const unsigned char *data
    cdef Py_ssize_t size, a, b, c, q, status, end, r, last
    if not PyUnicode_IS_ASCII(text):
        return None
    data, size = <const unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
    a = _word(data, 0, size)
    b = _word(data, a + 1, size) if a > 0 else -1
    c = _word(data, b + 1, size) if b > 0 else -1
    if c < 0 or size - c < 40 or not _is_clf(data + c + 1):
        return None
    q = _closing(data, c + 31, size)
    status = q + 2
    if q < 0 or size - q < 8 or data[q + 1] != 32 or _number(data + status, 3) < 0 or data[status + 3] != 32:
        return None
    end = status + 4
    while end < size and 48 <= data[end] <= 57:
        end += 1
    if not status + 4 < end <= status + 22 or size - end < 6 or data[end] != 32 or data[end + 1] != 34:
        return None
    r = _closing(data, end + 2, size)
    if r < 0 or size - r < 4 or data[r + 1] != 32 or data[r + 2] != 34:
        return None
    last = _closing(data, r + 3, size)
    if last < 0:
        return None
    return (
        PyUnicode_Substring(text, 0, a),
        PyUnicode_Substring(text, a + 1, b),
        PyUnicode_Substring(text, b + 1, c),
        PyUnicode_Substring(text, c + 2, c + 28),
        PyUnicode_Substring(text, c + 31, q),
        PyUnicode_Substring(text, status, status + 3),
        PyUnicode_Substring(text, status + 4, end),
        PyUnicode_Substring(text, end + 2, r),
        PyUnicode_Substring(text, r + 3, last),
    ), last + 1
