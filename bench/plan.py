"""What a size needs: figures of ``cluster.py`` in, the tables and the picture of docs/explanation/scale.md out.

    python bench/plan.py [--figures docs/explanation/scale.json] [--write]

Prints the tables; ``--write`` also puts them between the markers of scale.md and draws scale.svg beside it. Everything is either
measured (from the figures) or an assumption listed in ``Assumptions``; the page names both.
"""

import argparse
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs" / "explanation"
RATES = (10_000, 100_000, 1_000_000)
STAGES = ("engine", "correlate", "triage", "index")
SERVERS = ("kafka", "elasticsearch")
TOPICS = ("soc.raw", "soc.events", "soc.detections", "soc.episodes", "soc.alerts", "soc.incidents")
DAY = 86_400
LEAST_SECONDS = 0.2
GB = 1e9


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is not measured.

    Attributes:
        busy: the share of a core that is used on average: the rest catches up after an outage and takes peaks.
        copies: of each partition in Kafka.
        replicas: of each index in Elasticsearch, beside the primary.
        raw_days, derived_days, event_days: the defaults of [bus] and [store].
        broker_cores: of one broker.
        broker_bytes: a broker's network a second each way (10 Gbit/s), used to ``busy``.
        window_seconds: what correlate remembers: the lateness and a timespan of five minutes.
        restored: records of a changelog read back a second (ADR 0012: 61,300 to 112,800).
        document_bytes: of an event in Elasticsearch, where the figures have none (ADR 0013).
        watermark_bytes: of one watermark record, with its overhead.
    """

    busy: float = 0.5
    copies: int = 3
    replicas: int = 1
    raw_days: float = 30
    derived_days: float = 7
    event_days: float = 30
    broker_cores: int = 8
    broker_bytes: float = 1.25e9
    window_seconds: float = 900
    restored: float = 60_000
    document_bytes: float = 1_500
    watermark_bytes: float = 60


@dataclass(frozen=True, slots=True)
class Need:
    """What one rate needs."""

    rate: int
    cores: dict[str, float]
    partitions: int
    bytes_a_second: dict[str, float]
    brokers: int
    network: tuple[float, float]
    kafka_disk: float
    store_disk: float
    watermarks: int
    triage_load: float
    restore_seconds: float


def need(rate: int, figures: dict[str, Any], given: Assumptions) -> Need:
    """Cores, disks and network of a rate, in proportion to the figures of the mixed scenario."""
    lines = figures["lines"]
    alone, whole = figures["alone"], figures["whole"]["cpu_seconds"]
    seconds = {stage: max(alone[stage]["cpu_seconds"][stage], whole[stage]) / lines for stage in STAGES}
    seconds |= {server: whole[server] / lines for server in SERVERS}
    topics = {topic: figures["topics"][topic]["disk"] / lines for topic in TOPICS}
    cores = {name: rate * each / given.busy for name, each in seconds.items()}
    cores["kafka"] *= given.copies
    cores["elasticsearch"] *= 1 + given.replicas
    workers = math.ceil(max(cores["engine"], cores["correlate"]))
    partitions = max(24, 24 * math.ceil(2 * workers / 24))
    written = {topic: rate * size for topic, size in topics.items()}
    total = sum(written.values())
    network = total * given.copies, total * (given.copies - 1) + total
    by_network = max(network) / (given.broker_bytes * given.busy)
    brokers = max(3, math.ceil(by_network), math.ceil(cores["kafka"] / given.broker_cores))
    derived = sum(size for topic, size in written.items() if topic != "soc.raw")
    kafka_disk = (written["soc.raw"] * given.raw_days + derived * given.derived_days) * DAY * given.copies
    document = figures.get("store_bytes", {}).get("event", given.document_bytes)
    store_disk = rate * document * given.event_days * DAY * (1 + given.replicas)
    kept = figures["topics"]["state of correlate"]["records"] / lines * rate * given.window_seconds / partitions
    return Need(
        rate,
        cores,
        partitions,
        written,
        brokers,
        network,
        kafka_disk,
        store_disk,
        partitions**2,
        rate * seconds["triage"],
        kept / given.restored,
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def amount(value: float) -> str:
    """Two figures: nothing here is known better."""
    if value <= 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(value)))
    rounded = round(value, 1 - math.floor(math.log10(value)))
    return f"{rounded:,.{min(digits, 3)}f}"


def a_second(seconds: float, lines: int) -> str:
    """Lines per CPU-second; what is within the error of what starting a process costs is not told."""
    return f"{lines / seconds:,.0f}" if seconds >= LEAST_SECONDS else "too little to tell"


def measured(mixed: dict[str, Any], busy: dict[str, Any] | None) -> str:
    """The figures that everything else follows from."""
    lines = mixed["lines"]
    rows: list[list[str]] = []
    for stage in STAGES:
        alone, whole = mixed["alone"][stage], mixed["whole"]
        shares = list(alone["where"][stage]["share"].items())[:4]
        where = ", ".join(f"{name} {share:.0%}" for name, share in shares)
        rows.append([stage, *(a_second(run["cpu_seconds"][stage], lines) for run in (alone, whole)), where])
    for server in SERVERS:
        alone = sum(mixed["alone"][stage]["cpu_seconds"][server] for stage in STAGES)
        rows.append([server, f"{lines / alone:,.0f}", f"{lines / mixed['whole']['cpu_seconds'][server]:,.0f}", ""])
    rates = mixed["whole"]["lines_per_cpu_second"]
    rows.append(["all of soc", "", f"{rates['soc']:,.0f}", ""])
    rows.append(["all with servers", "", f"{rates['all']:,.0f}", ""])
    text = table(["lines per CPU-second", "alone", "in the whole path", "where its time goes (alone)"], rows)
    cases = [case for case in (mixed, busy) if case]
    sizes = [
        [
            topic,
            *(f"{case['topics'][topic][kind] / case['lines']:,.0f}" for case in cases for kind in ("bytes", "disk")),
        ]
        for topic in TOPICS
    ]
    for state in ("state of correlate", "state of triage"):
        of = [f"{case['topics'][state]['bytes'] / case['lines']:,.0f}" for case in cases]
        sizes.append([state, *(cell for size in of for cell in (size, ""))])
    largest = [f"{max(case['topics'][topic].get('largest', 0) for topic in TOPICS[2:]):,}" for case in cases]
    sizes.append(["largest record behind the engine", *(cell for size in largest for cell in (size, ""))])
    heads = [cell for case in cases for cell in (case["scenario"], "on disk")]
    return f"{text}\n\n{table(['bytes a line', *heads], sizes)}"


def needs(all_of: list[Need], given: Assumptions) -> str:
    """The table of sizes."""
    rows = [
        *([f"cores: {name}", *(amount(one.cores[name]) for one in all_of)] for name in (*STAGES, *SERVERS)),
        ["partitions", *(f"{one.partitions:,}" for one in all_of)],
        ["brokers (of 8 cores, 10 Gbit/s)", *(f"{one.brokers:,}" for one in all_of)],
        ["into / out of all brokers, MB/s", *(f"{amount(one.network[0] / 1e6)} / {amount(one.network[1] / 1e6)}" for one in all_of)],
        *([f"{topic}, GB a day", *(amount(one.bytes_a_second[topic] * DAY / GB) for one in all_of)] for topic in TOPICS),
        [f"disk of Kafka ({given.copies} copies), TB", *(amount(one.kafka_disk / 1e12) for one in all_of)],
        [f"disk of Elasticsearch ({1 + given.replicas} copies), TB", *(amount(one.store_disk / 1e12) for one in all_of)],
        ["watermark records a second", *(f"{one.watermarks:,}" for one in all_of)],
        ["triage: share of its one core", *(f"{one.triage_load:.0%}" for one in all_of)],
        ["take-over of a correlate partition: restore, s", *(amount(one.restore_seconds) for one in all_of)],
    ]  # fmt: skip
    return table(["lines a second", *(f"{one.rate:,}" for one in all_of)], rows)


def picture(all_of: list[Need]) -> str:
    """Cores by rate and part, as bars on a logarithmic scale; readable on a light and a dark page."""
    names = (*STAGES, *SERVERS)
    fills = ("#3b82c4", "#2a9d8f", "#8a63d2", "#d98324", "#7a7f87", "#c2517a")
    width, height, left, base = 720, 340, 60, 270
    top = math.ceil(math.log10(max(max(one.cores.values()) for one in all_of)))
    bottom = -1

    def y(value: float) -> float:
        return base - (max(math.log10(value), bottom) - bottom) / (top - bottom) * 220

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="12">',
        "<title>Cores needed by part and rate</title>",
        "<style>text{fill:#333}line{stroke:#999}@media(prefers-color-scheme:dark){text{fill:#ddd}line{stroke:#777}}</style>",
        f'<text x="{left}" y="24">cores (half used), logarithmic</text>',
    ]
    for power in range(bottom, top + 1):
        at = y(10**power)
        parts.append(f'<line x1="{left}" x2="{width - 10}" y1="{at:.0f}" y2="{at:.0f}" stroke-width="0.5"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4:.0f}" text-anchor="end">{10**power:,g}</text>')
    for group, one in enumerate(all_of):
        start = left + 20 + group * 215
        for place, (name, fill) in enumerate(zip(names, fills, strict=True)):
            at = y(one.cores[name])
            size = max(base - at, 1)
            parts.append(f'<rect x="{start + place * 30}" y="{at:.0f}" width="24" height="{size:.0f}" fill="{fill}"/>')
        parts.append(f'<text x="{start + 90}" y="{base + 18}" text-anchor="middle">{one.rate:,} lines/s</text>')
    for place, (name, fill) in enumerate(zip(names, fills, strict=True)):
        at = left + place * 108
        parts.append(f'<rect x="{at}" y="{height - 28}" width="12" height="12" fill="{fill}"/>')
        parts.append(f'<text x="{at + 17}" y="{height - 18}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def scaling(found: dict[str, Any] | None) -> str:
    """Workers and shards."""
    if not found:
        return "Not measured yet."
    names = {
        "one_worker": "one worker, two partitions",
        "two_workers": "two workers, two equal partitions",
        "dominant_source": "two workers, all lines of one source",
        "dominant_source_sharded": "the same with `shards = 2`",
    }
    held = found["held_cores"]
    rows = [
        [
            told,
            f"{found[name]['lines_per_second']:,}",
            f"{found[name]['lines_per_cpu_second']['engine']:,}",
            f"{found[f'{name}_held']['lines_per_second']:,}",
        ]
        for name, told in names.items()
    ]
    ratios = (
        f"Two over one: {found['two_over_one_wall_held']} with {held} of a core each; {found['two_over_one_wall']} where they share two "
        f"cores with the broker, {found['two_over_one_per_cpu_second']} per CPU-second"
    )
    text = table(
        ["engine", "lines a second", "lines per CPU-second", f"lines a second, each worker on {held} of a core"], rows
    )
    return f"{text}\n\n{ratios} ({found['lines']:,} lines, load average {found['load_average']} on {found['cores']} cores)."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, default=DOCS / "scale.json")
    parser.add_argument("--write", action="store_true", help="put the tables into scale.md, draw scale.svg")
    given = parser.parse_args()
    figures = json.loads(given.figures.read_text())
    mixed, busy = figures["mixed"], figures.get("busy")
    assumed = Assumptions()
    sizes = [need(rate, mixed, assumed) for rate in RATES]
    blocks = {
        "measured": measured(mixed, busy),
        "scaling": scaling(figures.get("scaling")),
        "needs": needs(sizes, assumed),
    }
    print("\n\n".join(blocks.values()))
    if given.write:
        page = DOCS / "scale.md"
        text = page.read_text()
        for name, block in blocks.items():
            pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
            text = pattern.sub(lambda found, block=block: f"{found[1]}\n{block}\n\n{found[2]}", text)
        page.write_text(text)
        (DOCS / "scale.svg").write_text(picture(sizes))


if __name__ == "__main__":
    main()
