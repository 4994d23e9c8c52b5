"""Both languages say everything, and no template says anything by itself."""

import re
import string
from importlib.resources import files
from typing import get_args

import pytest

from soc.cli import soc
from soc.clock import DAY, HOUR, MINUTE, SECOND
from soc.console.i18n import LANGUAGES, Texts, catalogue
from soc.model import ActionKind
from soc.model.report import ReportState
from soc.settings import Role

TEMPLATES = {
    path.name: path.read_text(encoding="utf-8") for path in files("soc.console").joinpath("templates").iterdir()
}
PYTHON = [p.read_text(encoding="utf-8") for p in (*files("soc.console").iterdir(), *files("soc.console").joinpath("views").iterdir()) if p.name.endswith(".py")]  # fmt: skip


def test_both_catalogues_have_the_same_keys_and_placeholders():
    vi, en = catalogue("vi"), catalogue("en")
    assert vi.keys() == en.keys()
    for key, text in vi.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(t) if name} for t in (text, en[key])]
        assert names[0] == names[1], key
        assert text.strip(), key


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_holds_no_text_of_its_own(name):
    source = re.sub(r"\{% block layout %\}\w+\{% endblock %\}", "", TEMPLATES[name])  # a class name
    bare = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", " ", source, flags=re.DOTALL)
    texts = re.sub(r"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", "\n", bare)
    keys = {"j", "k", "a", "c", "u", "UTC"}
    left = set(re.findall(r"[^\W\d_]+", re.sub(r"&\w+;", "", texts))) - keys
    assert not left
    spoken = re.findall(r'\s(?:title|placeholder|aria-label|alt)="([^"]*)"', bare)
    assert not [text for text in spoken if re.search(r"[^\W\d_]", text)]


def test_every_key_that_is_asked_for_is_there():
    known = catalogue("vi")
    asked = {
        key
        for text in (*TEMPLATES.values(), *PYTHON)
        for key in re.findall(r"""\bt(?:exts)?\(\s*["']([a-z0-9_.]+)["']\s*[,)]""", text)
    }
    assert len(asked) > 100
    assert not asked - known.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_times_and_spans_are_written_in_the_zone(language):
    texts = Texts(language, "Asia/Ho_Chi_Minh")
    assert "2026" in texts.local(1_795_312_800_000_000)
    assert "09:20:00" in texts.local(1_795_312_800_000_000 + 20 * MINUTE - 0)
    assert texts.offset(0) in {"UTC+07:00", "UTC+08:00"}
    assert texts.local(10**30) == ""
    assert texts.span(2 * DAY + 3 * HOUR + 5 * SECOND).split()[0] == "2"
    assert texts.span(0).startswith("0")


def test_an_unknown_language_falls_back_to_vietnamese():
    assert Texts("xx", "UTC").language == "vi"


def test_every_act_of_the_audit_trail_and_every_stage_has_a_name():
    known = catalogue("vi")
    acts = {"open", "seal", *get_args(ActionKind), *get_args(ReportState)}
    stages = set(get_args(Role)) - {"collect", "console"}
    assert not {f"act_done.{act}" for act in acts} - known.keys()
    assert not {f"stage.{stage}" for stage in stages} - known.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_command_that_a_page_names_is_one(language):
    named = {
        tuple(found) for text in catalogue(language).values() for found in re.findall(r"soc (\w+) ([a-z]\w*)", text)
    }
    assert ("deadletter", "list") in named
    assert not {pair for pair in named if pair[1] not in getattr(soc.commands.get(pair[0]), "commands", {})}


def test_numbers_are_grouped_and_iso_times_shown_in_the_zone():
    vi, en = (Texts(language, "Asia/Ho_Chi_Minh") for language in ("vi", "en"))
    assert (vi.number(1234567), en.number(1234567), en.number("–")) == ("1.234.567", "1,234,567", "–")
    assert ">23/11/2026 04:26:03<" in vi.at("2026-11-22T21:26:03.757769Z")
    assert vi.at("<soon>") == "&lt;soon&gt;"
