# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=False
"""What every line goes through, compiled: pairs taken apart, values written to their fields, stamps as text.

Nothing here decides a result. Each function has a twin in Python that is used where this was not built (``.ci/native.py``), and
several take the ordinary case only and leave any other to it; ``tests/unit/normalize/test_native.py`` holds the pairs together.
"""

from cpython.dict cimport PyDict_Contains, PyDict_DelItem, PyDict_GetItemWithError, PyDict_SetItem
from cpython.object cimport PyObject
from libc.string cimport memchr, memcmp, memcpy

from soc.clock import to_iso
from soc.normalize.addresses import is_ip

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    Py_ssize_t PyUnicode_FindChar(object text, Py_UCS4 c, Py_ssize_t start, Py_ssize_t end, int direction) except -2
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 maxchar)
    object PyUnicode_Substring(object text, Py_ssize_t start, Py_ssize_t end)


# Stamps

cdef long long LATEST = 253_402_300_799_999_999  # the last microsecond of the year 9999
cdef long long _day = -1
cdef char _date[11]


cdef void _put_date(long long day) noexcept:
    """The date of a day since 1970, by Howard Hinnant's ``civil_from_days``."""
    global _day
    cdef long long z = day + 719468
    cdef long long era = z // 146097
    cdef long long doe = z - era * 146097
    cdef long long yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    cdef long long doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    cdef long long mp = (5 * doy + 2) // 153
    cdef long long month = mp + 3 if mp < 10 else mp - 9
    cdef long long year = yoe + era * 400 + (1 if month <= 2 else 0)
    _digits(_date, year, 4)
    _date[4] = c'-'
    _digits(_date + 5, month, 2)
    _date[7] = c'-'
    _digits(_date + 8, doy - (153 * mp + 2) // 5 + 1, 2)
    _date[10] = c'T'
    _day = day


cdef inline void _digits(char *at, long long value, int count) noexcept:
    while count > 0:
        count -= 1
        at[count] = <char>(48 + value % 10)
        value //= 10


cpdef str iso_text(object micros):
    """As ``soc.normalize.time.iso_text``."""
    cdef long long value = micros
    cdef long long rest, seconds
    cdef object text
    cdef char *at
    if not 0 <= value <= LATEST:
        return to_iso(micros)
    seconds = value // 1_000_000
    rest = value - seconds * 1_000_000
    if seconds // 86_400 != _day:
        _put_date(seconds // 86_400)
    seconds %= 86_400
    text = PyUnicode_New(24 if rest % 1000 == 0 else 27, 127)
    at = <char *>PyUnicode_DATA(text)
    memcpy(at, _date, 11)
    _digits(at + 11, seconds // 3600, 2)
    at[13] = at[16] = c':'
    _digits(at + 14, seconds // 60 % 60, 2)
    _digits(at + 17, seconds % 60, 2)
    at[19] = c'.'
    if rest % 1000 == 0:
        _digits(at + 20, rest // 1000, 3)
        at[23] = c'Z'
    else:
        _digits(at + 20, rest, 6)
        at[26] = c'Z'
    return text


# What every event is given

cdef inline object _get(dict fields, str name):
    cdef PyObject *found = PyDict_GetItemWithError(fields, name)
    return None if found is NULL else <object>found


cdef int _add(list found, object value) except -1:
    if value is None:
        return 0
    if isinstance(value, list):
        for item in <list>value:
            if item not in found:
                found.append(item)
    elif not found or value not in found:
        found.append(value)
    return 0


def finish(dict fields, time, received, str ingested, str original):
    """As ``soc.normalize.finish.finish``."""
    cdef list found
    PyDict_SetItem(fields, "@timestamp", iso_text(time))
    PyDict_SetItem(fields, "event.created", iso_text(received))
    PyDict_SetItem(fields, "event.ingested", ingested)
    PyDict_SetItem(fields, "event.original", original)
    a, b = _get(fields, "source.ip"), _get(fields, "destination.ip")
    c, d = _get(fields, "source.nat.ip"), _get(fields, "destination.nat.ip")
    if a is not None or b is not None or c is not None or d is not None:
        found = []
        _add(found, a)
        _add(found, b)
        _add(found, c)
        _add(found, d)
        PyDict_SetItem(fields, "related.ip", found)
    a, b = _get(fields, "user.name"), _get(fields, "user.effective.name")
    c, d = _get(fields, "source.user.name"), _get(fields, "user.target.name")
    if a is not None or b is not None or c is not None or d is not None:
        found = []
        _add(found, a)
        _add(found, b)
        _add(found, c)
        _add(found, d)
        PyDict_SetItem(fields, "related.user", found)
    a = _get(fields, "host.name")
    if a is not None:
        PyDict_SetItem(fields, "related.hosts", a if isinstance(a, list) else [a])


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

    def match(self, str text):
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


# Values of known places

cdef inline object _count(object text):
    """As ``soc.normalize.addresses.number``."""
    cdef Py_ssize_t size, i
    cdef unsigned char *data
    cdef long long value = 0
    if type(text) is not str or not PyUnicode_IS_ASCII(text):
        return None
    data, size = <unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
    if not 0 < size <= 18:
        return None
    for i in range(size):
        if not 48 <= data[i] <= 57:
            return None
        value = value * 10 + data[i] - 48
    return value


cdef bint _is_ipv4(object text) noexcept:
    """Four numbers up to 255 without leading zeros; False says nothing."""
    cdef Py_ssize_t size, i = 0
    cdef unsigned char *data
    cdef int part, value, first
    if not PyUnicode_IS_ASCII(text):
        return False
    data, size = <unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
    if not 7 <= size <= 15:
        return False
    for part in range(4):
        if part:
            if i >= size or data[i] != 46:
                return False
            i += 1
        value, first = 0, i
        while i < size and i < first + 3 and 48 <= data[i] <= 57:
            value = value * 10 + data[i] - 48
            i += 1
        if i == first or value > 255 or (data[first] == 48 and i > first + 1):
            return False
    return i == size


def base(str path):
    """As ``soc.normalize.products.windows_values.base``."""
    return _base(path)


cdef object _base(str path):
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(path)
    cdef Py_ssize_t at = PyUnicode_FindChar(path, c'\\', 0, size, -1)
    if at < 0:
        at = PyUnicode_FindChar(path, c'/', 0, size, -1)
    return path if at < 0 or at == size - 1 else PyUnicode_Substring(path, at + 1, size)


cdef enum:
    PLAIN = 0
    TEXT = 1
    NUMBER = 2
    NAT_PORT = 3
    ADDRESS = 4
    NAT_ADDRESS = 5
    PATH = 6
    WORD = 7
    CALL = 8


cdef class Columns:
    """As ``soc.normalize.columns.Columns``."""

    cdef tuple names
    cdef tuple places
    cdef tuple extras
    cdef bytes kinds
    cdef frozenset nothing
    cdef frozenset nowhere

    def __init__(self, rows, frozenset nothing not None, frozenset nowhere not None=frozenset()):
        self.kinds = bytes([row[0] for row in rows])
        self.places = tuple([row[1] for row in rows])
        self.names = tuple([row[2] for row in rows])
        self.extras = tuple([row[3] for row in rows])
        self.nothing = nothing
        self.nowhere = nowhere

    def write(self, tuple values, dict fields):
        """Write the values of places (``places`` are numbers)."""
        cdef Py_ssize_t i, place, size = len(values)
        for i in range(len(self.names)):
            place = self.places[i]
            if not 0 <= place < size:
                raise IndexError(place)
            self._one(i, values[place], fields)

    def write_named(self, dict values, dict fields):
        """Write the values of names (``places`` are names); each is there."""
        cdef Py_ssize_t i
        for i in range(len(self.names)):
            self._one(i, values[self.places[i]], fields)

    cdef int _one(self, Py_ssize_t i, object value, dict fields) except -1:
        cdef int kind = (<const unsigned char *><bytes>self.kinds)[i]
        cdef str name = self.names[i]
        if kind == PLAIN:
            PyDict_SetItem(fields, name, value)
        elif kind == TEXT:
            if type(value) is str and value not in self.nothing:
                PyDict_SetItem(fields, name, value)
        elif kind == NUMBER or kind == NAT_PORT:
            count = _count(value)
            if count is not None:
                if kind == NUMBER or count:
                    PyDict_SetItem(fields, name, count)
                elif PyDict_Contains(fields, name):
                    PyDict_DelItem(fields, name)
        elif kind == ADDRESS or kind == NAT_ADDRESS:
            if type(value) is str and (kind == ADDRESS or value not in self.nowhere):
                if _is_ipv4(value) or is_ip(value):
                    PyDict_SetItem(fields, name, value)
                elif value not in self.nothing:
                    self.extras[i](fields, value, name)
        elif kind == PATH:
            if type(value) is str and value not in self.nothing:
                PyDict_SetItem(fields, name, value)
                PyDict_SetItem(fields, self.extras[i], _base(value))
        elif kind == WORD:
            if type(value) is str and value not in self.nothing:
                PyDict_SetItem(fields, name, (<dict>self.extras[i]).get(value) or (<str>value).lower())
        elif type(value) is str and value not in self.nothing:
            self.extras[i](fields, value, name)
        return 0
