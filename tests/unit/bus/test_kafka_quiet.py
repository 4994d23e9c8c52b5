"""What aiokafka logs at every retry is written once in a while, each kind for itself, and nobody else's lines are touched."""

import logging

import aiokafka.client

from soc.bus import kafka_quiet

assert aiokafka.client  # its loggers exist


def test_the_same_kind_of_line_is_written_once_in_a_while(caplog, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(kafka_quiet.time, "monotonic", lambda: clock[0])
    kafka_quiet.quieten()
    kafka_quiet.quieten()
    theirs, ours = logging.getLogger("aiokafka"), logging.getLogger("soc.test")
    for node in range(50):
        theirs.error("no connection to node %s (a test)", node)
        ours.error("ours %s", node)
    theirs.error("another kind (a test)")
    clock[0] += kafka_quiet.EVERY_SECONDS
    theirs.error("no connection to node %s (a test)", 50)
    said = [record.getMessage() for record in caplog.records if record.name == "aiokafka"]
    assert said == [
        "no connection to node 0 (a test)",
        "another kind (a test)",
        "no connection to node 50 (a test)",
    ]
    assert sum(record.name == "soc.test" for record in caplog.records) == 50
