"""A JSON object of an unknown sender → the reading of the product whose object it is, else of any object."""

from zoneinfo import ZoneInfo

from soc.errors import RecordError
from soc.normalize.formats import json
from soc.normalize.products import generic_json, windows_json
from soc.normalize.products.marks import OBJECTS
from soc.normalize.products.product import Fields, Reading
from soc.normalize.products.windows_shapes import is_windows


def any_object(text: str, fields: Fields, zone: ZoneInfo) -> Reading | None:
    """A JSON object, of Windows, of a known product or of anyone, alone or as the payload of a syslog line.

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
    return generic_json.read(event, fields, zone, flat=flat)
