"""Rules of the house: light imports, approaches apart, nothing missing, nothing too long."""

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import runners
from rules import engine
from runners.base import Frozen, find, names

HOUSE = Path(__file__).parents[1]
PACKAGES = ("advisor", "rules", "runners", "tui")
HEAVY = {
    *("torch", "transformers", "sklearn", "scipy", "numpy", "sentence_transformers"),
    *("setfit", "peft", "trl", "chromadb", "datasets", "bitsandbytes", "textual"),
}
LIGHT = ("advisor.cli", "rules.engine", "tui.main", *(f"runners.{name}" for name in names()))
SOURCES = [path for package in PACKAGES for path in sorted((HOUSE / package).rglob("*.py"))]


def python(*arguments, **more):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=100, **more
    )


@pytest.mark.parametrize("module", LIGHT)
def test_an_import_stays_light(module):
    done = python("-c", f"import sys, {module}; print(*sys.modules)", check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert module.partition(".")[0] in loaded
    assert not HEAVY & loaded


def imported(path):
    """Every module a file imports, wherever in it; ``from a import b`` is ``a`` and ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "path", sorted((HOUSE / "runners").glob("*.py")), ids=lambda path: path.stem
)
def test_approaches_are_imported_by_nobody_in_their_folder(path):
    assert not {f"runners.{name}" for name in names()} & set(imported(path))


@pytest.mark.parametrize("approach", names())
def test_an_approach_has_its_rules_and_its_tests(approach):
    assert (engine.FOLDER / f"{approach}.yaml").is_file()
    assert (HOUSE / "tests" / "runners" / f"test_{approach}.py").is_file()


@pytest.mark.parametrize("approach", names())
def test_settings_are_few_documented_and_closed(approach):
    settings = find(approach).Settings
    assert issubclass(settings, Frozen)
    assert len(settings.model_fields) <= 10
    assert settings.model_config.get("extra") == "forbid"
    silent = [name for name, field in settings.model_fields.items() if not field.description]
    assert not silent


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_a_source_file_has_300_lines_at_most(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def compared_with_an_approach(path):
    """Lines where something is compared with the name of an approach."""
    known = {approach.name for approach in engine.load()} | set(names())
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare | ast.match_case):
            inside = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
            if known & {value for value in inside if isinstance(value, str)}:
                yield ast.unparse(node)


@pytest.mark.parametrize("path", sorted((HOUSE / "advisor").glob("cli*.py")), ids=lambda p: p.stem)
def test_the_command_line_treats_all_approaches_alike(path):
    assert not list(compared_with_an_approach(path))


def test_a_comparison_with_an_approach_would_be_found(tmp_path):
    path = tmp_path / "cli.py"
    path.write_text('if plan.approach in ("heads", "lora"):\n    pass\n')
    assert list(compared_with_an_approach(path))


def test_a_tests_folder_is_no_package():
    assert not list((HOUSE / "tests").rglob("__init__.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The files of a wheel that is built from this tree, offline."""
    folder = tmp_path_factory.mktemp("wheel")
    done = python("-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=HOUSE)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("whichtune-*.whl")
    return set(zipfile.ZipFile(path).namelist())


def test_the_wheel_holds_every_source_file(wheel):
    assert {path.relative_to(HOUSE).as_posix() for path in SOURCES} <= wheel


@pytest.mark.parametrize(
    "pattern",
    [
        "rules/**/*.yaml",
        "tui/**/*.tcss",
        "advisor/examples/**/*.csv",
        "runners/bundled/*.*",
        "advisor/templates/*.yaml",
    ],
)
def test_the_wheel_holds_what_the_sources_read(wheel, pattern):
    files = {path.relative_to(HOUSE).as_posix() for path in HOUSE.glob(pattern)}
    assert files
    assert files <= wheel


def test_the_wheel_holds_the_licences_and_nothing_but_the_packages(wheel):
    beside = {name for name in wheel if name.partition("/")[0] not in PACKAGES}
    assert all(re.match(r"whichtune-[\d.]+\.dist-info/", name) for name in beside)
    assert {name.rpartition("/")[2] for name in beside} >= {"LICENSE", "NOTICE", "METADATA"}
    assert not [name for name in wheel if "__pycache__" in name or name.endswith(".pyc")]


@pytest.mark.parametrize("intruder", ["rules", "runners"])
def test_a_stranger_with_the_name_of_our_package_is_named(intruder, tmp_path):
    (tmp_path / intruder).mkdir()
    (tmp_path / intruder / "__init__.py").write_text("")
    path = os.pathsep.join([str(tmp_path), str(HOUSE)])
    done = python("-c", "import advisor", cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode != 0
    message = f"another installed distribution provides {intruder!r}: {tmp_path / intruder}"
    assert message in done.stderr
    assert "fix: give whichtune an environment of its own" in done.stderr


def test_the_packages_under_test_are_those_of_this_tree():
    assert Path(runners.__file__).parents[1] == HOUSE
