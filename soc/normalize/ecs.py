"""The values the Elastic Common Schema (9.x, "ECS Categorization Fields") allows, as data: tests hold every sample to them."""

KINDS = frozenset(["alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"])

CATEGORIES = frozenset(
    [
        "api",
        "authentication",
        "configuration",
        "database",
        "driver",
        "email",
        "file",
        "host",
        "iam",
        "intrusion_detection",
        "library",
        "malware",
        "network",
        "package",
        "process",
        "registry",
        "session",
        "threat",
        "vulnerability",
        "web",
    ]
)

TYPES = frozenset(
    [
        "access",
        "admin",
        "allowed",
        "change",
        "connection",
        "creation",
        "deletion",
        "denied",
        "device",
        "end",
        "error",
        "group",
        "indicator",
        "info",
        "installation",
        "protocol",
        "start",
        "user",
    ]
)

OUTCOMES = frozenset(["failure", "success", "unknown"])

DIRECTIONS = frozenset(["ingress", "egress", "inbound", "outbound", "internal", "external", "unknown"])

IP_FIELDS = frozenset(
    [
        "source.ip",
        "destination.ip",
        "source.nat.ip",
        "destination.nat.ip",
        "client.ip",
        "server.ip",
        "host.ip",
        "observer.ip",
        "related.ip",
    ]
)
"""What may hold an address only, never a name."""

INTEGER_FIELDS = frozenset(
    [
        "source.port",
        "destination.port",
        "source.nat.port",
        "destination.nat.port",
        "source.bytes",
        "destination.bytes",
        "source.packets",
        "destination.packets",
        "network.bytes",
        "network.packets",
        "event.severity",
        "event.duration",
        "event.sequence",
        "process.pid",
        "process.parent.pid",
        "process.thread.id",
        "http.response.status_code",
        "http.response.body.bytes",
        "http.request.body.bytes",
        "log.syslog.priority",
        "log.syslog.facility.code",
        "log.syslog.severity.code",
    ]
)
"""``long`` in ECS."""

GUARDED = (
    IP_FIELDS
    | INTEGER_FIELDS
    | frozenset(
        [
            *("event.kind", "event.category", "event.type", "event.outcome", "network.direction"),
            *("related.user", "related.hosts", "tags"),
        ]
    )
)
"""What no sender's own field of the same name may stand for: its value need not be one that is allowed there."""
