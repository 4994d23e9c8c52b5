"""What the engine writes of lines that feed correlations stays smaller than what it reads."""

import random
from collections import Counter
from pathlib import Path

from soc.clock import SECOND
from soc.detect.detector import Detector
from soc.detect.feed import FREE, SHARE, Sampler, feed
from soc.model import Bundle, Event, RawRecord, encode
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

RULES = Path(__file__).parents[3] / "rules"
NOW = 1_795_000_000 * SECOND
LINES = 2_000
ADDRESSES = 400


def line(rng: random.Random, *, denied: bool) -> bytes:
    """A traffic line as FortiOS documents its fields, one of the shorter ones, after a syslog header."""
    action, sent = ("deny", 0) if denied else ("accept", rng.randrange(60, 90_000))
    return (
        f'<189>date=2026-11-23 time=10:00:00 devname="fw" devid="FG100FTK00000000" eventtime={NOW * 1000} tz="+0700" '
        f'logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" '
        f"srcip=203.0.{rng.randrange(113, 115)}.{rng.randrange(ADDRESSES // 2)} srcport={rng.randrange(1024, 65536)} "
        f'srcintf="wan1" srcintfrole="wan" dstip=192.0.2.{rng.randrange(250)} dstport={rng.randrange(1, 9000)} '
        f'dstintf="dmz" dstintfrole="dmz" sessionid={rng.randrange(10**8)} proto=6 action="{action}" policyid=0 '
        f'policytype="policy" service="tcp/8443" dstcountry="Viet Nam" srccountry="Reserved" trandisp="noop" duration=0 '
        f"sentbyte={sent} rcvdbyte=0 sentpkt=0 rcvdpkt=0"
    ).encode()


def written(rules: RuleSet, denied: float) -> tuple[int, int, Counter[str]]:
    """Bytes of lines read, bytes of detections written with their keys, and how many detections each target got."""
    rng = random.Random(5)
    profile = SourceProfile(name="fw", product="fortigate")
    normalizer = Normalizer((profile,), timezone="UTC", lateness=600 * SECOND, future_skew=5 * SECOND)
    detector, sampler = Detector(rules), Sampler()
    read, wrote, targets = 0, 0, Counter[str]()
    for number in range(LINES):
        data = line(rng, denied=rng.random() < denied)
        raw = RawRecord(data, NOW, "syslog-udp", "192.0.2.1:514", "192.0.2.1")
        event = normalizer.normalize(raw, f"0123456789abcdef/0/{number}", NOW)
        assert isinstance(event, Event)
        read += len(data)
        for key, detection in feed(event, detector.detect(event), rules, sampler):
            wrote += len(key) + len(encode(detection))
            targets[detection.target] += 1
    return read, wrote, targets


def test_with_half_of_all_lines_feeding_correlations_less_is_written_than_read() -> None:
    rules = load(Bundle(tuple((str(path), path.read_text()) for path in sorted(RULES.rglob("*.yml")))))
    read, wrote, targets = written(rules, 0.5)
    counting = [rules.infos[target].title for target, number in targets.items() if number > LINES * 0.45]
    assert sorted(counting) == ["Network Sweep", "Port Scan Against One or More Hosts"]
    assert wrote < 0.9 * read


def test_of_few_detections_the_first_of_each_group_carry_the_event() -> None:
    sampler = Sampler(samples=2)
    assert [sampler.takes("count", b"a") for _ in range(5)] == [True, True, False, False, False]
    assert sampler.takes("count", b"b")


def test_in_a_flood_of_groups_a_bounded_share_carries_the_event() -> None:
    sampler = Sampler()
    carried = sum(sampler.takes("count", b"%d" % number) for number in range(SHARE * 100))
    assert FREE < carried <= FREE + 100


def test_in_a_flood_a_group_that_goes_on_gets_its_sample() -> None:
    sampler = Sampler()
    for number in range(SHARE * 10):
        sampler.takes("count", b"%d" % number)
    assert [sampler.takes("count", b"scanner") for _ in range(16)].count(True) == 2


def test_a_flood_for_one_correlation_takes_nothing_from_another() -> None:
    sampler = Sampler()
    for number in range(SHARE * 10):
        sampler.takes("flooded", b"%d" % number)
    assert sampler.takes("quiet", b"one")
