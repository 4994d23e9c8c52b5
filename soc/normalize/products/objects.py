"""A JSON object of an unknown sender → the reading of the product whose object it is, else of any object."""

from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.normalize.formats import json
from soc.normalize.products import device, generic_json, windows_json, wrapped
from soc.normalize.products.marks import OBJECTS
from soc.normalize.products.product import Fields, Parse, Reading
from soc.normalize.products.windows_shapes import is_windows


def any_object(text: str, fields: Fields, zone: ZoneInfo, day: int, inner: Parse | None = None) -> Reading | None:
    """A JSON object, of Windows, of a known product or of anyone, alone or as the payload of a syslog line.

    Args:
        text: the object.
        fields: written to.
        zone: for stamps without one.
        day: of receipt.
        inner: reads the line that an object of a shipper carries; None: such an object is read as any.

    Returns:
        None if it is no object; ``fields`` is then untouched.
    """
    decoded = json.decode_object(text)
    if decoded is None:
        return None
    event, flat = decoded
    if is_windows(event):
        return windows_json.read(event, fields, zone, flat=flat)
    header = dict(fields)
    for name, read in OBJECTS:
        if name in event:
            try:
                reading = read(event, fields, zone)
            except RecordError:
                reading = None
            if reading is not None:
                return reading
            fields.clear()
            fields.update(header)
    if inner is not None:
        reading = wrapped.read(event, flat, fields, zone, day, inner)
        if reading is not None:
            return reading
    reading = generic_json.read(event, fields, zone, flat=flat)
    carried = event.get("message")
    if isinstance(carried, str) and carried.startswith(("CEF:", "LEEF:")):  # a device's message in anyone's object
        known = dict(fields)
        found = device.message(carried, fields, zone, day)
        if found is not None:
            return found[0], found[1] or reading[1]
        fields.clear()
        fields.update(known)
    return reading
