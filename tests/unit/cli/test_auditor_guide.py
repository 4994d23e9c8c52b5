"""The auditor's guide: every command in it runs, and answers the question above it."""

import re
import shlex
from pathlib import Path

import pytest
from cli_support import run_cli
from reported_support import NUMBER, installation

GUIDE = Path(__file__).parents[3] / "docs" / "howto" / "auditor.md"
BLOCKS = re.findall(r"^#+ ([^\n]+)\n\n```bash\n(.+?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
COMMANDS = [(question, line) for question, block in BLOCKS for line in block.splitlines()]

ANSWERS = {
    "What was sent, when, and by whose approval?": (b'"approver":"hoa"', b'"sent":"2', b'"receipt":"R-2026-7741"'),
    "Did the receiver get everything?": (b'"acknowledged":',),
    "What was withheld?": (b'"field":"user.name","rule":"account","count":2',),
    "What is due?": (b'"kind":"',),
    "What is late, and why?": (b'"why":["reason given:',),
    "What was handed over as the periodic report?": (b'"object":"periodic/year/2026"', b"sha256 "),
    "Who did what to this incident?": (b'"actor":',),
    "Was anything changed afterwards?": (b'"fault":""',),
    "Under which law, and who compared it?": (b'"legal_basis":',),
    "Everything about one incident, as one file": (b'"incident":"INC-2026-000001"',),
}
"""Question → what the answer to each of its commands has in it."""


def test_every_question_of_the_issue_is_in_the_guide():
    asked = " ".join(question for question, _ in BLOCKS).lower()
    for what in ("sent", "when", "by whose approval", "withheld", "due", "late, and why"):
        assert what in asked, what
    assert {question for question, _ in BLOCKS} == ANSWERS.keys()


@pytest.mark.parametrize("question", ANSWERS)
def test_the_commands_of_a_question_answer_it(question, tmp_path, monkeypatch):
    config = installation(tmp_path)
    monkeypatch.chdir(tmp_path)
    report = ("--kind", "year", "--period", "2026", "--as", "html", "--output", "2026.html")
    assert run_cli("report", "periodic", *report, "--config", config).code == 0
    for line in (line for asked, line in COMMANDS if asked == question):
        words = shlex.split(line.replace("INC-2026-000012", NUMBER))
        assert words[0] == "soc"
        given = [] if "--verify" in words else ["--config", config]
        outcome = run_cli(*words[1:], *given)
        assert outcome.code in {0, 1}, (line, outcome.err)
        if "yesterday" not in words:
            for said in ANSWERS[question]:
                assert said in outcome.out, (line, said, outcome.out)
