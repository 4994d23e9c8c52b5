# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, freethreading_compatible=False
"""What every line goes through, compiled: pairs taken apart, values written to their fields, stamps as text.

Nothing here decides a result. Each function has a twin in Python that is used where this was not built (``.ci/native.py``), and
several take the ordinary case only and leave any other to it; ``tests/unit/normalize/test_native.py`` holds the pairs together.
"""

from cpython.dict cimport PyDict_Contains, PyDict_DelItem, PyDict_GetItemWithError, PyDict_SetItem
from cpython.object cimport PyObject
from libc.string cimport memchr, memcmp, memcpy

from datetime import date

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
cdef int FIRST = 719_163  # 1970-01-01 as a proleptic ordinal
cdef long long _day_written = -1, _day_read
cdef bytes _date_written = b""
cdef char _date_read[10]


cdef inline void _digits(char *at, long long value, int count) noexcept:
    while count > 0:
        count -= 1
        at[count] = <char>(48 + value % 10)
        value //= 10


cpdef str iso_text(object micros):
    """As ``soc.normalize.time.iso_text``: the date of the day before is remembered."""
    global _day_written, _date_written
    cdef long long value = micros
    cdef long long rest, seconds, day
    cdef bint whole
    if not 0 <= value <= LATEST:
        return to_iso(micros)
    seconds = value // 1_000_000
    rest = value - seconds * 1_000_000
    whole = rest % 1000 == 0
    day = seconds // 86_400
    seconds -= day * 86_400
    if day != _day_written:
        _date_written = to_iso(micros)[:11].encode()
        _day_written = day
    text = PyUnicode_New(24 if whole else 27, 127)
    cdef char *at = <char *>PyUnicode_DATA(text)
    memcpy(at, <const char *>_date_written, 11)
    _digits(at + 11, seconds // 3600, 2)
    at[13] = at[16] = c':'
    _digits(at + 14, seconds // 60 % 60, 2)
    _digits(at + 17, seconds % 60, 2)
    at[19] = c'.'
    _digits(at + 20, rest // 1000 if whole else rest, 3 if whole else 6)
    at[23 if whole else 26] = c'Z'
    return text


cdef inline int _number(const unsigned char *at, int count) noexcept:
    """So many digits as a number; -1: they are none."""
    cdef int value = 0, i
    for i in range(count):
        if not 48 <= at[i] <= 57:
            return -1
        value = value * 10 + at[i] - 48
    return value


cdef int _read_date(str text, const unsigned char *at) except -1:
    """Set ``_day_read``; the day of the text before is remembered.

    Raises:
        ValueError: there is no such day.
    """
    global _day_read
    if memcmp(_date_read, at, 10):
        _day_read = date.fromisoformat(text[:10]).toordinal() - FIRST
        memcpy(_date_read, at, 10)
    return 0


def zoned(str text not None):
    """Microseconds of ``2026-11-22T08:00:00.123Z`` and its like (a blank, an offset); None for any other text."""
    cdef const unsigned char *at
    cdef Py_ssize_t size, i = 19
    cdef int hour, minute, second, hours, minutes, scale = 100_000
    cdef long long fraction = 0, offset = 0
    if not PyUnicode_IS_ASCII(text):
        return None
    at, size = <const unsigned char *>PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
    if not 20 <= size <= 40 or at[4] != 45 or at[7] != 45 or (at[10] != 84 and at[10] != 32) or at[13] != 58 or at[16] != 58:
        return None
    hour, minute, second = _number(at + 11, 2), _number(at + 14, 2), _number(at + 17, 2)
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None
    try:
        _read_date(text, at)
    except ValueError:
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
    return (_day_read * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1_000_000 + fraction


# What every event is given

cdef inline object _get(dict fields, str name):
    cdef PyObject *found = PyDict_GetItemWithError(fields, name)
    return None if found is NULL else <object>found


cdef list _distinct(tuple values):
    """Without None and repeats, lists opened; None if there is nothing but None."""
    cdef list found = None
    for value in values:
        if value is None:
            continue
        if found is None:
            found = []
        if isinstance(value, list):
            for item in <list>value:
                if item not in found:
                    found.append(item)
        elif value not in found:
            found.append(value)
    return found


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
    PyDict_SetItem(fields, "@timestamp", iso_text(time))
    PyDict_SetItem(fields, "event.created", iso_text(received))
    PyDict_SetItem(fields, "event.ingested", ingested)
    PyDict_SetItem(fields, "event.original", original)
    found = _distinct((
        _get(fields, "source.ip"),
        _get(fields, "destination.ip"),
        _get(fields, "source.nat.ip"),
        _get(fields, "destination.nat.ip"),
        _get(fields, "client.ip"),
        _get(fields, "server.ip"),
        _get(fields, "network.forwarded_ip"),
        _get(fields, "dns.resolved_ip"),
    ))
    if found:
        PyDict_SetItem(fields, "related.ip", found)
    found = _distinct((
        _get(fields, "user.name"),
        _get(fields, "user.effective.name"),
        _get(fields, "source.user.name"),
        _get(fields, "user.target.name"),
        _get(fields, "destination.user.name"),
        _get(fields, "user.audit.name"),
        _get(fields, "user.changes.name"),
    ))
    if found:
        PyDict_SetItem(fields, "related.user", found)
    host = _get(fields, "host.name")
    if host is not None:
        PyDict_SetItem(fields, "related.hosts", host if isinstance(host, list) else [host])


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
    """As ``soc.normalize.columns.base``."""
    return _base(path)


cdef str _base(str path):
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


include "lines.pxi"
