"""What a replay publishes beside the alerts that stand: nothing twice, nothing smaller, what is new marked late."""

import msgspec

from soc.model import Alert, Episode
from soc.tooling.standing import Compared, compare
from soc.triage.alerts import raised

GROUP = (("source.ip", "203.0.113.7"),)


def episode(named: str = "one", start: int = 100, count: int = 3, group=GROUP, **fields) -> Episode:
    members = tuple(f"e{start + number}" for number in range(count))
    made = Episode(
        named, "key", 1, "guessing", "rules", "event_count", group, start, start + count - 1, count, members, late=False
    )
    return msgspec.structs.replace(made, **fields)


def alert(of: Episode, **fields) -> Alert:
    return msgspec.structs.replace(raised(of, None, 1000), **fields)


def acts(done: Compared) -> list[tuple]:
    return [(act, one.id, one.revision, one.count, one.state, one.merged_into, one.late) for act, one in done.publish]


def test_an_episode_without_an_alert_is_new_and_late():
    assert acts(compare([episode()], [], {})) == [("new", "one", 1, 3, "live", "", True)]


def test_an_alert_with_the_same_members_stands():
    done = compare([episode()], [alert(episode())], {})
    assert (done.publish, done.standing) == ([], 1)


def test_an_alert_of_the_same_interval_under_another_first_event_is_the_same_alert():
    done = compare([episode("other", start=99, count=4)], [alert(episode(revision=5))], {})
    assert acts(done) == [("revised", "one", 6, 4, "live", "", True)]


def test_an_episode_that_the_window_cut_off_does_not_make_the_alert_smaller():
    done = compare([episode("other", start=101, count=2)], [alert(episode())], {})
    assert (done.publish, done.standing) == ([], 1)


def test_more_members_that_are_not_the_alerts_own_do_not_replace_them():
    other = episode("other", start=102, count=9)
    done = compare([other], [alert(episode())], {})
    assert (done.publish, done.standing) == ([], 1)


def test_an_alert_of_another_group_or_time_is_another_alert():
    elsewhere = alert(episode(group=(("source.ip", "203.0.113.8"),)))
    later = alert(episode("later", start=500))
    assert [act for act, *_ in acts(compare([episode("new")], [elsewhere, later], {}))] == ["new"]


def test_alerts_that_turn_out_to_be_one_are_merged_into_the_one_raised_first():
    first = alert(episode("first", start=100, revision=2), raised=10)
    second = alert(episode("second", start=110, revision=3), raised=20)
    done = compare([episode("replayed", start=100, count=13)], [second, first], {})
    assert acts(done) == [
        ("revised", "first", 3, 13, "live", "", True),
        ("merged", "second", 4, 13, "merged", "first", True),
    ]


def test_a_merged_alert_stays_merged():
    done = compare([episode()], [alert(episode(state="merged", merged_into="other"))], {})
    assert (done.publish, done.standing) == ([], 1)


def test_a_retracted_alert_comes_back_as_the_same_alert():
    done = compare([episode()], [alert(episode(state="retracted", revision=2))], {})
    assert acts(done) == [("revised", "one", 3, 3, "live", "", True)]


def test_what_live_correlation_may_still_change_is_left_to_it():
    done = compare([episode()], [], {"guessing": 102})
    assert (done.publish, done.open) == ([], 1)
    assert len(compare([episode()], [], {"guessing": 103}).publish) == 1
