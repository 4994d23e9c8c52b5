"""structlog set-up and every metric of the product; used at the edges only.

All processes of one installation share a directory of metric files (prometheus-client's multiprocess mode, chosen by
``PROMETHEUS_MULTIPROC_DIR`` before this module is imported), and the supervisor serves the sum.
"""

import logging
import sys

import structlog
from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("soc_stage_records", "Records a stage has committed as processed", ["stage"])
OUTPUTS = Counter("soc_stage_outputs", "Records a stage has committed as written", ["stage", "topic"])
COMMITS = Counter("soc_stage_commits", "Units of work committed", ["stage"])
RECLAIMS = Counter("soc_stage_reclaims", "Times a stage dropped its memory and claimed again", ["stage", "reason"])
STEP_SECONDS = Histogram(
    "soc_stage_step_seconds",
    "Time from fetched to committed, one unit of work",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
DEAD_LETTERS = Counter("soc_dead_letters", "Records that a stage could not process", ["stage"])
EVICTED = Counter("soc_correlation_evicted", "Groups or events of correlations dropped for a bound", ["what", "rule"])
UNFIT = Counter("soc_correlation_unfit", "Values that are no number where a correlation reckons with one", ["rule"])
INTEL_HITS = Counter("soc_intel_hits", "Events with a value that a feed of intelligence lists, by contact", ["contact"])
INTEL_INDICATORS = Gauge(
    "soc_intel_indicators", "Indicators in force, by feed", ["feed"], multiprocess_mode="mostrecent"
)
INTEL_SUCCESS = Gauge(
    "soc_intel_feed_last_success_timestamp_seconds",
    "When a feed was last pulled, seconds since 1970",
    ["feed"],
    multiprocess_mode="max",
)
INTEL_FAILURES = Counter("soc_intel_feed_failures", "Times that a feed could not be pulled", ["feed"])
LATE = Counter("soc_correlation_late", "Detections past the allowed lateness, not applied in place", ["stage"])
OUTDATED = Counter(
    "soc_correlation_outdated", "Detections for a version of a rule that no raw partition is read with any more"
)
REFUSED_RULES = Gauge(
    "soc_rules_refused", "Rules of the current set that cannot be used", multiprocess_mode="mostrecent"
)
LOADED_RULES = Gauge("soc_rules_loaded", "Rules of the current set in use", multiprocess_mode="mostrecent")
RULES_INFO = Gauge(
    "soc_rules_info",
    "Processes that work with a rule set, by role and hash",
    ["role", "hash"],
    multiprocess_mode="livesum",
)
RULE_SECONDS = Counter(
    "soc_rule_seconds", "Estimated time of rules that cost more than 1 % of a process, by rule", ["rule"]
)
RULE_CUT = Counter("soc_rule_cut_values", "Values that an expression of a rule did not see all of, by rule", ["rule"])
REJECTED_SETS = Counter("soc_rules_rejected", "Rule sets that a process passed over as a whole")
UNSHIPPED = Gauge(
    "soc_ship_unshipped_records",
    "Records of this host's collector that were not on the brokers when it last said so",
    multiprocess_mode="mostrecent",
)
STORE_AVAILABLE = Gauge(
    "soc_store_available",
    "0 while an index process waits for the store",
    ["role"],  # without a label every process would say 0, also those that write nothing to it
    multiprocess_mode="livemin",
)
STORE_SUCCESS = Gauge(
    "soc_store_last_success_timestamp_seconds",
    "When the index stage last wrote documents, seconds since 1970",
    multiprocess_mode="max",
)
STORE_RETRIES = Counter(
    "soc_store_retries", "Requests and documents sent to the store again, by what was answered", ["status"]
)
ARCHIVED_SEGMENTS = Counter("soc_archive_segments", "Segments closed and written to the archive")
ARCHIVED_RECORDS = Counter("soc_archive_records", "Raw records in them")
ARCHIVED_BYTES = Counter("soc_archive_bytes", "Their compressed bytes")
ARCHIVE_AVAILABLE = Gauge(
    "soc_archive_available",
    "0 while an archive process waits for the archive's place, by partition of raw lines",
    ["partition"],  # without a label every process would say 0, also those that archive nothing
    multiprocess_mode="mostrecent",
)
RETENTION_DAYS = Gauge(
    "soc_retention_days_covered",
    "How many days back the archive reaches, by partition of raw lines",
    ["partition"],
    multiprocess_mode="mostrecent",
)
SACRIFICED = Counter(
    "soc_disk_sacrificed", "Records and documents deleted before their age because the disk was filling", ["what"]
)
AUDIT_HEADS_SENT = Gauge(
    "soc_audit_heads_last_success_timestamp_seconds",
    "When the heads of the audit chains last reached every place off this host, seconds since 1970",
    multiprocess_mode="max",
)
AUDIT_HEADS_TARGETS = Gauge(
    "soc_audit_heads_targets", "Places that the heads of the audit chains are sent to", multiprocess_mode="max"
)
REPORT_DUE = Gauge(
    "soc_report_due_seconds",
    "Seconds until the next report of a kind is due, below 0 since it was, infinite while none is owed",
    ["kind"],
    multiprocess_mode="mostrecent",
)
REPORTS_OVERDUE = Gauge("soc_report_overdue", "Reports that are past due", multiprocess_mode="mostrecent")
NOTICE_ATTEMPTS = Counter(
    "soc_notify_attempts", "Attempts to send a message to a person, by what came of them", ["channel", "outcome"]
)
NOTICES_UNSENT = Gauge(
    "soc_notify_unsent",
    "Messages to people that were not sent yet",
    ["role"],  # without a label every process would say 0, also those that send none
    multiprocess_mode="mostrecent",
)
NOTICE_QUEUE_SECONDS = Gauge(
    "soc_notify_queue_seconds", "Age of the oldest of them", ["role"], multiprocess_mode="mostrecent"
)
NOTICE_UNANSWERED_SECONDS = Gauge(
    "soc_notify_unanswered_seconds",
    "Since when the oldest matter is told that nobody has acknowledged",
    ["role"],
    multiprocess_mode="mostrecent",
)
NOTICE_CASES = Gauge(
    "soc_notify_unanswered", "Matters that nobody has acknowledged", ["role"], multiprocess_mode="mostrecent"
)
NOTICE_NOBODY = Gauge(
    "soc_notify_nobody",
    "1 while there is no roster, or no channel, so that nobody can be told",
    ["role"],
    multiprocess_mode="mostrecent",
)
HEARTBEAT_SENT = Gauge(
    "soc_notify_heartbeat_last_success_timestamp_seconds",
    "When the second host last took a sign of life, seconds since 1970",
    ["role"],
    multiprocess_mode="mostrecent",
)
SHARING_ATTEMPTS = Counter(
    "soc_sharing_attempts",
    "Attempts to send summaries of alerts, by receiver and what came of them",
    ["receiver", "outcome"],
)
SHARING_BACKLOG = Gauge(
    "soc_sharing_waiting_records",
    "Summaries of alerts that wait for a receiver",
    ["receiver"],
    multiprocess_mode="mostrecent",
)
SHARING_OLDEST = Gauge(
    "soc_sharing_oldest_timestamp_seconds",
    "When the oldest of them was sealed, seconds since 1970, 0 while none waits",
    ["receiver"],
    multiprocess_mode="mostrecent",
)
SHARING_REFUSED = Gauge(
    "soc_sharing_refused_records",
    "Summaries of alerts that a receiver refused and that wait for a person",
    ["receiver"],
    multiprocess_mode="mostrecent",
)
SHARING_GAP = Gauge(
    "soc_sharing_gap_days",
    "Days of the last two weeks on which the counts of summaries do not agree with the receiver's",
    ["receiver"],
    multiprocess_mode="mostrecent",
)
RECEIPTS_SENT = Gauge(
    "soc_receipts_sent",
    "Reports of a day (today, yesterday, earlier: the month before) that were sent to a receiver",
    ["recipient", "day"],
    multiprocess_mode="mostrecent",
)
RECEIPTS_HAD = Gauge(
    "soc_receipts_acknowledged",
    "Of these, those that the receiver acknowledged or that a person delivered another way",
    ["recipient", "day"],
    multiprocess_mode="mostrecent",
)
RECEIPTS_OPEN = Gauge(
    "soc_receipts_open",
    "Reports of a day that are neither acknowledged nor delivered nor taken back",
    ["recipient", "day"],
    multiprocess_mode="mostrecent",
)
STORE_REFUSED = Counter("soc_store_refused", "Documents the store would not take", ["kind"])


def configure_logging(level: str, style: str, **bound: str) -> None:
    """Set structlog up once per process: JSON lines on stderr, or coloured words on a terminal.

    Args:
        level: ``debug`` ``info`` ``warning`` ``error``.
        style: ``json``, ``console`` or ``auto`` (console on a terminal, else JSON).
        bound: values every line carries, e.g. ``role="engine"``.
    """
    as_console = style == "console" or (style == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if as_console else structlog.processors.JSONRenderer()
    )
    numeric = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(numeric, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(**bound)
