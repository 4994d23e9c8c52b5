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


cdef inline int _number(const unsigned char *at, int count) noexcept:
    """So many digits as a number; -1: they are none."""
    cdef int value = 0, i
    for i in range(count):
        if not 48 <= at[i] <= 57:
            return -1
        value = value * 10 + at[i] - 48
    return value


cdef long long _since_1970(long long year, long long month, long long day) noexcept:
    """Days, by Howard Hinnant's ``days_from_civil``; years from 1 on."""
    cdef long long y = year - (1 if month <= 2 else 0)
    cdef long long era = y // 400
    cdef long long yoe = y - era * 400
    cdef long long doy = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


cdef inline int _days_of(int year, int month) noexcept:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


def zoned(str text not None):
    """Microseconds of ``2026-11-22T08:00:00.123Z`` and its like (a blank, an offset); None for any other text."""
    cdef const unsigned char *at
    cdef Py_ssize_t size, i = 19
    cdef int year, month, day, hour, minute, second, hours, minutes, scale = 100_000
    cdef long long fraction = 0, offset = 0
    if not PyUnicode_IS_ASCII(text):
        return None
    at, size = <const unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
    if not 20 <= size <= 40 or at[4] != 45 or at[7] != 45 or (at[10] != 84 and at[10] != 32) or at[13] != 58 or at[16] != 58:
        return None
    year, month, day = _number(at, 4), _number(at + 5, 2), _number(at + 8, 2)
    hour, minute, second = _number(at + 11, 2), _number(at + 14, 2), _number(at + 17, 2)
    if year < 1 or not 1 <= month <= 12 or day < 1 or day > _days_of(year, month):
        return None
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None
    if at[i] == 46:
        i += 1
        while i < size and 48 <= at[i] <= 57:
            fraction += (at[i] - 48) * scale
            scale //= 10
            i += 1
        if i == 20:
            return None
    if size - i == 6 and (at[i] == 43 or at[i] == 45) and at[i + 3] == 58:
        hours, minutes = _number(at + i + 1, 2), _number(at + i + 4, 2)
        if not (0 <= hours < 24 and 0 <= minutes < 60):
            return None
        offset = (hours * 60 + minutes) * (60 if at[i] == 43 else -60)
    elif size - i != 1 or at[i] != 90:
        return None
    return (_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1_000_000 + fraction


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


def settle(stamp, received, *, live, lateness, future_skew):
    """As ``soc.normalize.time.settle``."""
    if stamp is None:
        return received, received, ("no_time",)
    time, flags = stamp
    if not 0 <= time <= LATEST:
        return received, received, ("no_time",)
    if live:
        if time > received + future_skew:
            clamped = received + future_skew
            return clamped, clamped, (*flags, "future_clamped")
        if time < received - lateness:
            return time, received, (*flags, "stale")
    return time, time, flags


def finish(dict fields not None, time, received, str ingested not None, str original not None):
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


def base(str path not None):
    """As ``soc.normalize.products.windows_values.base``."""
    return _base(path)


cdef object _base(str path):
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(path)
    cdef Py_ssize_t at = PyUnicode_FindChar(path, c'\\', 0, size, -1)
    if at < 0:
        at = PyUnicode_FindChar(path, c'/', 0, size, -1)
    return path if at < 0 or at == size - 1 else PyUnicode_Substring(path, at + 1, size)


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
    ANY = 9
    DECIMAL = 10


cdef class Columns:
    """As ``soc.normalize.columns.Columns``."""

    cdef tuple names
    cdef tuple places
    cdef tuple extras
    cdef bytes kinds
    cdef frozenset nothing
    cdef frozenset nowhere
    cdef Py_ssize_t longest
    cdef bint first

    def __init__(self, rows, frozenset nothing not None, frozenset nowhere not None=frozenset(), bint first=False):
        self.kinds = bytes([row[0] for row in rows])
        self.places = tuple([row[1] for row in rows])
        self.names = tuple([row[2] for row in rows])
        self.extras = tuple([row[3] for row in rows])
        self.nothing = nothing
        self.longest = max(map(len, nothing), default=-1)
        self.nowhere = nowhere
        self.first = first

    def write(self, tuple values not None, dict fields not None):
        """Write the values of places (``places`` are numbers)."""
        cdef Py_ssize_t i, place, size = len(values)
        for i in range(len(self.names)):
            place = self.places[i]
            if not 0 <= place < size:
                raise IndexError(place)
            self._one(i, values[place], fields)

    def write_named(self, dict values not None, dict fields not None):
        """Write the values of names (``places`` are names); each is there."""
        cdef Py_ssize_t i
        for i in range(len(self.names)):
            self._one(i, values[self.places[i]], fields)

    cdef inline bint _says(self, object value) except -1:
        """Whether it is a text that says something; what is longer than any that does not is not hashed for it."""
        return type(value) is str and (PyUnicode_GET_LENGTH(value) > self.longest or value not in self.nothing)

    cdef int _one(self, Py_ssize_t i, object value, dict fields) except -1:
        cdef int kind = (<const unsigned char *><bytes>self.kinds)[i]
        cdef str name = self.names[i]
        if self.first and PyDict_Contains(fields, name):
            return 0
        if kind == PLAIN:
            PyDict_SetItem(fields, name, value)
        elif kind == TEXT:
            if self._says(value):
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
            if self._says(value):
                PyDict_SetItem(fields, name, value)
                PyDict_SetItem(fields, self.extras[i], _base(value))
        elif kind == WORD:
            if self._says(value):
                word = _get(<dict>self.extras[i], value)
                PyDict_SetItem(fields, name, word or (<str>value).lower())
        elif kind == DECIMAL and type(value) is str and PyUnicode_GET_LENGTH(value) <= 9 and (count := _count(value)) is not None:
            PyDict_SetItem(fields, name, count)
        elif kind >= ANY or self._says(value):
            self.extras[i](fields, value, name)
        return 0
