"""What may take effect, and what a person changed from one set to the next."""

from unit.pipeline.rule_sets_support import base, counting

from soc.model import Bundle
from soc.pipeline.acceptance import Difference, difference, digests_of, objection
from soc.sigma.load import load

FILTER = """
title: Not from the scanner
logsource: {product: linux, service: sshd}
filter:
  rules: [failed]
  selection: {source.ip: 192.0.2.1}
  condition: not selection
"""


def digests(*documents: str, path: str = "rules.yml") -> dict[str, str]:
    return digests_of(load(Bundle(((path, "---".join(documents)),))))


def test_rules_are_added_changed_and_removed():
    before = digests(base("a"), base("b"), base("c"))
    after = digests(base("b"), base("c", "another word"), base("d"))
    assert difference(before, after) == Difference(("d",), ("c",), ("a",))
    assert difference({}, after) == Difference(("b", "c", "d"), (), ())


def test_a_rule_that_moved_to_another_file_did_not_change():
    assert difference(digests(base("a")), digests(base("a"), path="elsewhere.yml")) == Difference((), (), ())


def test_a_filter_changes_the_rule_that_it_narrows_and_what_counts_it():
    before = digests(base("failed"), base("b"), counting("many", "failed", 3))
    after = digests(base("failed"), base("b"), counting("many", "failed", 3), FILTER)
    assert difference(before, after) == Difference((), ("failed", "many"), ())


def test_a_level_is_a_change_of_its_rule_alone():
    before = digests(base("failed"), counting("many", "failed", 3))
    after = digests(base("failed").replace("level: low", "level: high"), counting("many", "failed", 3))
    assert difference(before, after).changed == ("failed",)


def test_a_set_of_nothing_is_objected_to_unless_it_is_the_first():
    bundle = Bundle((("a.yml", "title: nothing"),))
    assert "none of its rules can be used (1 refused)" in objection(bundle.hash, bundle, {}, 1, first=False)
    assert "holds no rule" in objection(bundle.hash, bundle, {}, 0, first=False)
    assert not objection(bundle.hash, bundle, {}, 1, first=True)


def test_a_set_under_a_hash_that_is_not_its_own_is_always_objected_to():
    bundle = Bundle((("a.yml", base("a")),))
    infos = load(bundle).infos
    assert "damaged or changed" in objection("0" * 32, bundle, infos, 0, first=True)
    assert not objection(bundle.hash, bundle, infos, 7, first=False)
