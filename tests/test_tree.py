"""The habits of the project, as far as a machine can see them."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from soc.settings import Settings, parse

ROOT = Path(__file__).parent.parent
SELF = Path(__file__).relative_to(ROOT)
MAX_LINES = {"soc": 500, "collectors": 500, "bench": 500, "tests": 800}
MAX_FUNCTION = 60
BINARY = {".png", ".jpg", ".ico", ".gz", ".woff2"}
# Names that say nothing about data, and hosts whose names do not belong into a repository that a mirror must serve too;
# written in pieces so that this file does not find itself.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "manager", "managers", "services"}
REGISTRIES = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "crates" + ".io",
    "proxy.golang" + ".org",
)
PRIVATE_PATHS = (
    "/ro" + "ot/",
    "/ho" + "me/[a-z]+/(?:src|work|code)",
    "/wo" + "rk/",
    "/Us" + "ers/[a-z]+/",
    "/tmp/[a-zA-Z]",
)
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + r"XX)\b")


def tracked() -> list[Path]:
    """Files of the repository: what git knows or would add; without git (an unpacked archive) everything but tools' leftovers."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.splitlines()]
    else:
        hidden = {".venv", ".git", ".hypothesis", ".pytest_cache", ".ruff_cache", ".import_linter_cache", "__pycache__"}
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if not hidden & set(path.parts)]
    return sorted(name for name in names if (ROOT / name).is_file())


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]
SOURCES = [path for path in PYTHON if path.parts[0] in {"soc", "collectors"}]
TEXTS = [path for path in FILES if path.suffix not in BINARY]
RULES = [path for path in FILES if path.parts[0] == "rules" and path.suffix == ".yml" and path.parts[1] != "pipelines"]


def read(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_no_source_file_is_longer_than_people_read():
    long = {str(path): read(path).count("\n") for path in PYTHON}
    assert {name: lines for name, lines in long.items() if lines > MAX_LINES.get(name.split("/")[0], 500)} == {}


def test_no_function_is_longer_than_a_screen():
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION
    ]
    assert long == []


def test_every_module_says_what_it_is():
    silent = [str(path) for path in SOURCES if not ast.get_docstring(ast.parse(read(path)))]
    assert silent == []


def test_nothing_unfinished_is_left_behind():
    left = [
        f"{path}:{number}"
        for path in TEXTS
        if path != SELF and path.name != "constraints.txt"
        for number, line in enumerate(read(path).splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert left == []


def test_no_module_has_a_name_that_says_nothing():
    assert [str(path) for path in PYTHON if EMPTY_NAMES & {*path.parts[:-1], path.stem}] == []


def test_only_a_supervisor_catches_everything():
    found = [
        f"{path}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)  # cleans up and passes it on
    ]
    allowed = ("soc/supervise.py", "soc/pipeline/loop.py")
    assert [place for place in found if not place.startswith(allowed)] == []


@pytest.mark.parametrize("needle", [re.escape(name) for name in REGISTRIES] + list(PRIVATE_PATHS))
def test_no_file_names_a_registry_or_a_place_on_somebodys_machine(needle: str):
    pattern = re.compile(rf"(?<![\w.]){needle}")
    found = [
        f"{path}:{number}"
        for path in TEXTS
        if path != SELF
        for number, line in enumerate(read(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_lock_file_holds_names_versions_and_hashes_only():
    shape = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w '<>=!.()]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in read(Path("constraints.txt")).splitlines() if not shape.fullmatch(line)] == []


def test_the_lock_file_satisfies_every_dependency_of_the_project():
    project = tomllib.loads(read(Path("pyproject.toml")))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~; ]", item)[0].lower().replace("_", "-") for item in wanted}
    locked = {line.split("==")[0] for line in read(Path("constraints.txt")).splitlines() if "==" in line}
    assert names - locked == set()


def test_every_rule_has_a_case_that_fires_and_one_that_stays_silent():
    for rule in RULES:
        case = ROOT / "tests" / rule
        assert case.is_file(), f"{rule} has no cases at tests/{rule}"
        cases = yaml.safe_load(case.read_text(encoding="utf-8"))
        assert cases["fires"], case
        assert cases["silent"], case


def test_every_case_file_belongs_to_a_rule():
    cases = {
        path.relative_to("tests") for path in FILES if path.parts[:2] == ("tests", "rules") and path.suffix == ".yml"
    }
    assert cases - set(RULES) == set()


def test_links_within_the_documents_lead_somewhere():
    links = [
        (path, target)
        for path in FILES
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(path))
        if "://" not in target and not target.startswith("mailto:")
    ]
    broken = [f"{path}: {target}" for path, target in links if not (ROOT / path.parent / target).exists()]
    assert broken == []


def test_the_map_of_the_documents_names_every_document():
    named = read(Path("docs/README.md"))
    fields = read(Path("docs/reference/fields/index.md"))  # a page for each product
    named += re.sub(r"\]\(([\w-]+\.md)\)", r"](reference/fields/\1)", fields)
    documents = [path.relative_to("docs") for path in FILES if path.parts[0] == "docs" and path.suffix == ".md"]
    missing = [
        str(path) for path in documents if path.parts[0] not in {"adr", "README.md"} and f"({path})" not in named
    ]
    assert missing == []


def test_the_licence_is_the_whole_apache_2_0():
    text = read(Path("LICENSE"))
    assert text.lstrip().startswith("Apache License\n                           Version 2.0, January 2004")
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "APPENDIX: How to apply the Apache License to your work." in text


def test_the_changelog_knows_the_version():
    version = tomllib.loads(read(Path("pyproject.toml")))["project"]["version"]
    assert f"## [{version}]" in read(Path("CHANGELOG.md"))


def _keys(schema: dict, definitions: dict, seen: frozenset[str] = frozenset()) -> set[str]:
    """Every property name that a settings file may use."""
    keys: set[str] = set()
    for name, child in schema.get("properties", {}).items():
        keys.add(name)
        keys |= _keys(child, definitions, seen)
    items = [schema["items"]] if "items" in schema else []
    for part in [*schema.get("anyOf", []), *schema.get("oneOf", []), *items]:
        keys |= _keys(part, definitions, seen)
    reference = schema.get("$ref", "").rpartition("/")[2]
    if reference and reference not in seen:
        keys |= _keys(definitions[reference], definitions, seen | {reference})
    return keys


def _named(tree: object) -> set[str]:
    if isinstance(tree, dict):
        return set(tree) | {key for child in tree.values() for key in _named(child)}
    if isinstance(tree, list):
        return {key for child in tree for key in _named(child)}
    return set()


@pytest.mark.parametrize("name", ["soc.example.toml", "profiles/tay-ninh.toml"])
def test_the_settings_files_that_ship_can_be_used(name: str):
    parse(read(Path("deploy") / name), {}, where=name)


def test_the_example_names_every_setting():
    schema = Settings.model_json_schema()
    named = _named(tomllib.loads(read(Path("deploy/soc.example.toml"))))
    assert _keys(schema, schema["$defs"]) - named == set()


def test_the_example_states_the_defaults():
    """Sections shown with their defaults must not drift from what the product does without them."""
    example = parse(read(Path("deploy/soc.example.toml")), {})
    default = Settings()
    for section in ("data_dir", "timezone", "bus", "store", "rules", "correlation", "triage", "forward", "console"):
        assert getattr(example, section) == getattr(default, section), section
    assert example.metrics == default.metrics
    assert example.log == default.log
    assert example.listeners[:3] == default.listeners
