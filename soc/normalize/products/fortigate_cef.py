"""A FortiGate log in CEF ("FortiOS to CEF log field mapping guidelines") → the same log under its native names."""

from soc.normalize.products.product import Device

_PREFIXES = ("FTNTFGT", "ad.")
"""Before native names that CEF has no key for; FortiAnalyzer writes the second."""

_NATIVE = {
    "act": "action",
    "app": "service",
    "deviceExternalId": "devid",
    "deviceInboundInterface": "srcintf",
    "deviceOutboundInterface": "dstintf",
    "dmac": "dstmac",
    "smac": "srcmac",
    "src": "srcip",
    "spt": "srcport",
    "dst": "dstip",
    "dpt": "dstport",
    "sourceTranslatedAddress": "transip",
    "sourceTranslatedPort": "transport",
    "destinationTranslatedAddress": "tranip",
    "destinationTranslatedPort": "tranport",
    "duser": "user",
    "dvchost": "devname",
    "externalId": "sessionid",
    "fileHash": "filehash",
    "fileType": "filetype",
    "fname": "filename",
    "fsize": "filesize",
    "in": "rcvdbyte",
    "out": "sentbyte",
    "msg": "msg",
    "outcome": "status",
    "proto": "proto",
    "reason": "reason",
    "request": "url",
    "requestClientApplication": "agent",
    "requestContext": "catdesc",
    "requestMethod": "httpmethod",
    "shost": "srcname",
    "sproc": "ui",
}
_PROTOCOLS = {"TCP": "6", "UDP": "17", "ICMP": "1", "ICMPV6": "58"}


def native(device: Device, extension: dict[str, str]) -> dict[str, str] | None:
    """Native names and values.

    Returns:
        None if it is not a log of FortiOS.
    """
    if not device.product.lower().startswith("fortigate"):
        return None
    kind, _, subtype = (extension.get("cat") or device.name.partition(" ")[0]).partition(":")
    found = {"type": kind, "subtype": subtype, "logid": device.code}
    for key, value in extension.items():
        name = _NATIVE.get(key)
        if name is not None:
            found[name] = value
    for key, value in extension.items():
        for prefix in _PREFIXES:
            if key.startswith(prefix):
                found[key[len(prefix) :]] = value
    _ambiguous(found, extension)
    return found


def _ambiguous(found: dict[str, str], extension: dict[str, str]) -> None:
    """Keys that stand for several native fields, by the type of the log."""
    host = extension.get("dhost")
    if host:
        found["dstname" if found["type"] == "traffic" else "hostname"] = host
    if "user" not in found and extension.get("suser"):
        found["user"] = extension["suser"]
    way = extension.get("deviceDirection")
    if way in ("0", "1"):
        found["direction"] = "outgoing" if way == "1" else "incoming"
    if found["subtype"] == "vpn" and "remip" not in found and "dstip" in found:
        found["remip"] = found.pop("dstip")
    if found.get("proto", "").upper() in _PROTOCOLS:
        found["proto"] = _PROTOCOLS[found["proto"].upper()]
