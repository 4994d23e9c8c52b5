"""The extension dictionary of CEF (ArcSight Common Event Format, implementation standard) as data: key → ECS."""

TEXT = {
    "act": "event.action",
    "deviceAction": "event.action",
    "app": "network.protocol",
    "applicationProtocol": "network.protocol",
    "msg": "message",
    "message": "message",
    "reason": "event.reason",
    "externalId": "event.id",
    "eventId": "event.id",
    "deviceExternalId": "observer.serial_number",
    "dvchost": "observer.hostname",
    "deviceHostName": "observer.hostname",
    "deviceInboundInterface": "observer.ingress.interface.name",
    "deviceOutboundInterface": "observer.egress.interface.name",
    "deviceFacility": "log.syslog.facility.name",
    "deviceProcessName": "process.name",
    "dproc": "destination.process.name",
    "sproc": "source.process.name",
    "suser": "source.user.name",
    "sourceUserName": "source.user.name",
    "duser": "destination.user.name",
    "destinationUserName": "destination.user.name",
    "suid": "source.user.id",
    "sourceUserId": "source.user.id",
    "duid": "destination.user.id",
    "destinationUserId": "destination.user.id",
    "sntdom": "source.user.domain",
    "sourceNtDomain": "source.user.domain",
    "dntdom": "destination.user.domain",
    "destinationNtDomain": "destination.user.domain",
    "spriv": "source.user.roles",
    "dpriv": "destination.user.roles",
    "sourceDnsDomain": "source.registered_domain",
    "destinationDnsDomain": "destination.registered_domain",
    "sourceServiceName": "source.service.name",
    "destinationServiceName": "service.name",
    "fname": "file.name",
    "fileName": "file.name",
    "filePath": "file.path",
    "fileId": "file.inode",
    "fileType": "file.type",
    "filePermission": "file.mode",
    "request": "url.original",
    "requestUrl": "url.original",
    "requestClientApplication": "user_agent.original",
    "requestContext": "http.request.referrer",
    "requestMethod": "http.request.method",
}
"""As it came. Where two keys name one field the first in this table is kept."""

NUMBERS = {
    "spt": "source.port",
    "sourcePort": "source.port",
    "dpt": "destination.port",
    "destinationPort": "destination.port",
    "sourceTranslatedPort": "source.nat.port",
    "destinationTranslatedPort": "destination.nat.port",
    "in": "source.bytes",
    "bytesIn": "source.bytes",
    "out": "destination.bytes",
    "bytesOut": "destination.bytes",
    "fsize": "file.size",
    "fileSize": "file.size",
    "dvcpid": "process.pid",
    "deviceProcessId": "process.pid",
    "spid": "source.process.pid",
    "dpid": "destination.process.pid",
}
"""As an integer. ``in`` and ``out`` are "relative to the source to destination relationship": in is what the source sent."""

ADDRESSES = {
    "src": "source",
    "sourceAddress": "source",
    "dst": "destination",
    "destinationAddress": "destination",
    "sourceTranslatedAddress": "source.nat",
    "destinationTranslatedAddress": "destination.nat",
    "dvc": "observer",
    "deviceAddress": "observer",
}

HOSTS = {
    "shost": "source",
    "sourceHostName": "source",
    "dhost": "destination",
    "destinationHostName": "destination",
}
"""A name of that side; ``.domain``."""

MACS = {
    "smac": "source.mac",
    "sourceMacAddress": "source.mac",
    "dmac": "destination.mac",
    "destinationMacAddress": "destination.mac",
    "dvcmac": "observer.mac",
    "deviceMacAddress": "observer.mac",
}

COORDINATES = {
    "slat": "source.geo.location.lat",
    "slong": "source.geo.location.lon",
    "dlat": "destination.geo.location.lat",
    "dlong": "destination.geo.location.lon",
}

_NUMBERED = (
    ("cs", 6),
    ("cn", 3),
    ("cfp", 4),
    ("c6a", 4),
    ("deviceCustomDate", 2),
    ("flexString", 2),
    ("flexNumber", 2),
)

_LABELLED = tuple(f"{name}{number}" for name, most in _NUMBERED for number in range(1, most + 1))

LABELS = {f"{name}Label": name for name in (*_LABELLED, "flexDate1")}
"""The key that says what another key's value is."""

_DERIVED = {
    "rt": "@timestamp",
    "deviceReceiptTime": "@timestamp",
    "start": "event.start, @timestamp",
    "startTime": "event.start, @timestamp",
    "end": "event.end, @timestamp",
    "endTime": "event.end, @timestamp",
    "proto": "network.transport",
    "transportProtocol": "network.transport",
    "outcome": "event.outcome",
    "eventOutcome": "event.outcome",
    "cat": "rule.category",
    "deviceEventCategory": "rule.category",
    "deviceDirection": "network.direction",
    "deviceSeverity": "log.level",
    "fileHash": "file.hash.sha256, file.hash.sha1, file.hash.md5",
    "request": "url.original, url.full, url.domain, url.path, url.query",
    "suser": "source.user.name, user.name",
    "duser": "destination.user.name, user.name",
    "c6a2": "source.ip",
    "c6a3": "destination.ip",
    "c6a1": "observer.ip",
}

_KEPT = """
art agentAddress agentDnsDomain agentHostName agentId agentMacAddress agentNtDomain agentReceiptTime agentTimeZone
agentTranslatedAddress agentTranslatedZoneExternalID agentTranslatedZoneURI agentType agentVersion agentZoneExternalID
agentZoneURI agt ahost aid amac at atz av baseEventCount categoryBehavior categoryDeviceGroup categoryDeviceType
categoryObject categoryOutcome categorySignificance categoryTechnique cnt customerExternalID customerURI
destinationTranslatedZoneExternalID destinationTranslatedZoneURI destinationZoneExternalID destinationZoneURI
deviceDnsDomain deviceNtDomain devicePayloadId deviceTimeZone deviceTranslatedAddress deviceTranslatedZoneExternalID
deviceTranslatedZoneURI deviceZoneExternalID deviceZoneURI dtz fileCreateTime fileModificationTime geid
oldFileCreateTime oldFileHash oldFileId oldFileModificationTime oldFileName oldFilePath oldFilePermission oldFileSize
oldFileType parentEventId rawEvent requestCookies sourceTranslatedZoneExternalID sourceTranslatedZoneURI
sourceZoneExternalID sourceZoneURI type flexDate1
"""

FIELDS: dict[str, str] = {
    **dict.fromkeys(_KEPT.split(), ""),
    **dict.fromkeys(_LABELLED, ""),
    **dict.fromkeys(LABELS, ""),
    **TEXT,
    **NUMBERS,
    **{key: f"{side}.ip" for key, side in ADDRESSES.items()},
    **{key: f"{side}.domain" for key, side in HOSTS.items()},
    **MACS,
    **COORDINATES,
    **_DERIVED,
}
"""Every key of the dictionary, producer's and consumer's; a labelled one is also a field of the name that its label gives."""
