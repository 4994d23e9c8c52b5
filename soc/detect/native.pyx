# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The two loops that every event goes through, compiled: look-ups of its values, and the gate before its keywords.

Nothing here decides a result. ``soc.detect.view`` and ``soc.detect.keywords`` do the same in Python where this was not built
(``soc.detect.compiled``, ``.ci/native.py``). A pointer never goes beyond its string's own length, and no call keeps one.
"""

from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next
from cpython.object cimport PyObject
from libc.stdlib cimport calloc, free
from libc.string cimport memset

cdef extern from "Python.h":
    int PyUnicode_IS_ASCII(object text)
    int PyUnicode_KIND(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

ctypedef fused Character:
    unsigned char
    unsigned short
    unsigned int


def triggered(dict fields, tuple names, tuple indexes):
    """What the values of an event trigger.

    Args:
        fields: the event's.
        names: the fields to look at.
        indexes: as many: value → triggered slots (``soc.detect.index.FieldIndex``).

    Returns:
        The slots of each field whose value triggers some; None if there are none.

    Raises:
        TypeError: a value is a list.
    """
    cdef list found = None
    cdef Py_ssize_t i
    cdef PyObject *value
    cdef PyObject *known
    cdef object slots
    cdef object index
    for i in range(len(names)):
        value = PyDict_GetItemWithError(fields, names[i])
        if value is NULL or <object>value is None:
            continue
        index = indexes[i]
        known = PyDict_GetItemWithError(index, <object>value)
        slots = index[<object>value] if known is NULL else <object>known
        if slots:
            if found is None:
                found = []
            found.append(slots)
    return found


cdef enum:
    STRIDE = 5
    MARKS = 4096  # bytes

_COMMON = " etaoinsrldcmupfghw\\.:-_/bvy,k0123456789"

cdef struct Entry:
    unsigned int quad  # 0: free
    int start  # where its literal begins in ``Gate.text``
    int length
    int offset  # of the quad in the literal


cdef class Gate:
    """Whether any of some literals may be in some value of an event, without folding, joining or encoding it.

    Each literal has a *window* of ``stride + 3`` characters. Wherever the literal stands, some multiple of the stride falls on
    one of the window's first characters, and the four characters from there on are one of its *quads*. A bit for
    each hash rules most places out, a hash table of quads most of the rest; then the literal is compared.
    """

    cdef unsigned char marks[MARKS]
    cdef Entry *entries
    cdef unsigned int last  # entry
    cdef Py_ssize_t stride
    cdef bytes text
    cdef const unsigned char *characters  # of text

    def __init__(self, literals, odd):
        """``literals``: case-folded, ASCII, four characters or more; ``odd``: characters that fold to ASCII ones."""
        cdef Py_ssize_t at
        shortest = min(map(len, literals))
        if shortest < 4 or len(literals) > 1024 or not all(map(str.isascii, literals)):
            raise ValueError("a gate takes up to 1,024 ASCII literals of four characters or more")
        if not all(_is_odd(ord(c)) for c in odd):
            raise ValueError("other characters fold to ASCII than this was built for")
        self.stride = min(STRIDE, shortest - 3)
        self.text = "".join(literals).encode()
        self.characters = self.text
        self.last = (1 << (4 * STRIDE * len(literals)).bit_length()) - 1
        free(self.entries)
        self.entries = <Entry *>calloc(self.last + 1, sizeof(Entry))
        if self.entries is NULL:
            raise MemoryError
        memset(self.marks, 0, sizeof(self.marks))
        start = 0
        for literal in literals:
            window = _rarest(literal, self.stride + 3)
            for at in range(window, window + self.stride):
                self._enter(start, len(literal), at)
            start += len(literal)

    def __dealloc__(self):
        free(self.entries)

    cdef void _enter(self, int start, int length, int offset) noexcept:
        cdef const unsigned char *four = self.characters + start + offset
        cdef unsigned int quad = _quad(four[0], four[1], four[2], four[3])
        cdef unsigned int at = _hash(quad)
        self.marks[at >> 3] |= 1 << (at & 7)
        at &= self.last
        while self.entries[at].quad:
            at = (at + 1) & self.last
        self.entries[at] = Entry(quad, start, length, offset)

    cdef bint _is_quad(self, unsigned int quad) noexcept nogil:
        cdef unsigned int at = _hash(quad)
        if not self.marks[at >> 3] & (1 << (at & 7)):
            return False
        at &= self.last
        while self.entries[at].quad:
            if self.entries[at].quad == quad:
                return True
            at = (at + 1) & self.last
        return False

    cdef bint _is_literal(self, unsigned int quad, const unsigned char *data, Py_ssize_t length, Py_ssize_t i) noexcept nogil:
        """Whether a literal with this quad stands where the quad does, at ``i``."""
        cdef unsigned int at = _hash(quad) & self.last
        cdef Entry entry
        cdef Py_ssize_t k, begin
        while self.entries[at].quad:
            entry = self.entries[at]
            at = (at + 1) & self.last
            begin = i - entry.offset
            if entry.quad != quad or begin < 0 or begin + entry.length > length:
                continue
            for k in range(entry.length):
                if _lower(data[begin + k]) != self.characters[entry.start + k]:
                    break
            else:
                return True
        return False

    def possible(self, dict fields):
        """False only if no literal is in a value; a value that is no scalar or list of scalars is not looked into."""
        cdef Py_ssize_t position = 0
        cdef PyObject *key
        cdef PyObject *value
        while PyDict_Next(fields, &position, &key, &value):
            if self._in(<object>value):
                return True
        return False

    cdef bint _in(self, object value):
        if type(value) is str:
            return self._in_text(value)
        if value is None or type(value) is int or type(value) is bool or type(value) is float:
            return False  # as text no literal that a gate is made for: the caller sees to that
        if type(value) is list:
            for item in <list>value:
                if type(item) is list or self._in(item):
                    return True
            return False
        return True

    cdef bint _in_text(self, object value):
        cdef Py_ssize_t length = PyUnicode_GET_LENGTH(value)
        cdef void *data = PyUnicode_DATA(value)
        cdef int kind
        if PyUnicode_IS_ASCII(value):
            return self._in_ascii(<unsigned char *>data, length)
        kind = PyUnicode_KIND(value)
        if kind == 1:
            return self._in_wide(<unsigned char *>data, length)
        if kind == 2:
            return self._in_wide(<unsigned short *>data, length)
        return self._in_wide(<unsigned int *>data, length)

    cdef bint _in_ascii(self, const unsigned char *data, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t i = 0, last = length - 4, step = self.stride
        cdef unsigned int quad
        while i <= last:
            quad = _quad(data[i], data[i + 1], data[i + 2], data[i + 3])
            if self._is_quad(quad) and self._is_literal(quad, data, length, i):
                return True
            i += step
        return False

    cdef bint _in_wide(self, Character *data, Py_ssize_t length) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(length):
            if data[i] >= 0x80:
                if _is_odd(data[i]):
                    return True
            elif (
                i + 3 < length
                and (data[i + 1] | data[i + 2] | data[i + 3]) < 0x80
                and self._is_quad(_quad(data[i], data[i + 1], data[i + 2], data[i + 3]))
            ):
                return True
        return False


cdef inline unsigned int _quad(unsigned int a, unsigned int b, unsigned int c, unsigned int d) noexcept nogil:
    """Four ASCII characters as a number that is not 0, the same for both cases of a letter and for a few other pairs."""
    return (a | b << 8 | c << 16 | d << 24) | <unsigned int>0x20202020


cdef inline unsigned char _lower(unsigned char c) noexcept nogil:
    return c + 32 if 65 <= c <= 90 else c


cdef inline unsigned int _hash(unsigned int quad) noexcept nogil:
    """15 bits: as many as ``marks`` has."""
    return (quad * <unsigned int>2654435761) >> 17


cdef bint _is_odd(unsigned int c) noexcept nogil:
    return (
        c == 0xDF or c == 0x130 or c == 0x149 or c == 0x17F or c == 0x1F0 or 0x1E96 <= c <= 0x1E9A or c == 0x1E9E
        or c == 0x212A or 0xFB00 <= c <= 0xFB06
    )


def _rarest(literal, length):
    """Where the part of a literal begins, of this length, whose characters are rarest in logs."""
    weights = [_COMMON.find(c) if c in _COMMON else len(_COMMON) for c in literal]
    return max(range(len(literal) - length + 1), key=lambda at: sum(weights[at : at + length]))
