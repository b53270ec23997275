"""Loading and judging: what is checked on load, and what a verdict says."""

import subprocess
import sys

import pytest

from rules import engine
from rules.errors import RuleError
from rules.facts import Facts

HEADS = """\
# An approach for these tests.
name: heads
title: Heads
rung: 3
effort: 1
summary: A classifier on frozen embeddings.

rules:
  - id: heads-enough-labels
    when: n_examples / labels >= 8
    effect: speaks_for
    weight: 5
    because: "{n_examples / labels} examples per label are enough."
    source: docs/evidence.md#heads-minimum
    checked: 2026-11-21
    confidence: A

  - id: heads-rare-label
    when: rarest_label < 8
    effect: speaks_against
    weight: 2
    because: The rarest label has {rarest_label} examples.
    source: https://arxiv.org/abs/2209.11055
    checked: 2026-11-21
    confidence: B

  - id: heads-nothing-labelled
    when: n_examples == 0
    effect: rules_out
    because: There are no labels.
    source: docs/evidence.md#s15
    checked: 2026-11-21
    confidence: A

cases:
  - facts: {n_examples: 80, labels: 4, rarest_label: 3}
    fires: [heads-enough-labels, heads-rare-label]
  - facts: {n_examples: 0}
    fires: [heads-nothing-labelled]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "heads.yaml").write_text(HEADS)
    return tmp_path


def judged(folder, **facts):
    (heads,) = engine.load(folder)
    return engine.judge(heads, Facts(**facts))


def test_a_verdict_adds_up_and_says_why(folder):
    verdict = judged(folder, n_examples=80, labels=4, rarest_label=3)
    assert (verdict.approach, verdict.rung, verdict.ruled_out) == ("heads", 3, False)
    assert verdict.score == 5 - 2 - 1  # the last is the effort
    assert [reason.points for reason in verdict.reasons] == [5, -2]
    assert verdict.reasons[0].text == "20 examples per label are enough."
    assert verdict.reasons[1].source == "https://arxiv.org/abs/2209.11055"


def test_a_missing_fact_leaves_a_rule_undecided_instead_of_false(folder):
    verdict = judged(folder, n_examples=80, labels=4)
    (undecided,) = verdict.undecided
    assert (undecided.rule, undecided.facts) == ("heads-rare-label", ("rarest_label",))
    assert undecided.text == "The rarest label has [rarest_label] examples."


def test_a_rule_that_rules_out_does_so_whatever_the_score(folder):
    verdict = judged(folder, n_examples=0, labels=2)
    assert verdict.ruled_out
    assert verdict.reasons[0].points == 0


def test_nothing_known_rules_nothing_out(folder):
    verdict = judged(folder)
    assert not verdict.ruled_out
    assert len(verdict.undecided) == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("rarest_label < 8", "rarest_lable < 8", 18, "unknown fact 'rarest_lable'\n  fix: did y"),
        ("rarest_label < 8", "rarest_label <", 18, "cannot read 'rarest_label <'"),
        ("rarest_label < 8", "rarest_label", 18, "'rarest_label' is not true or false"),
        ("{rarest_label} ex", "{rarest_lable} ex", 18, "unknown fact 'rarest_lable'"),
        ("{rarest_label} ex", "{rarest_label ex", 18, "a lone brace"),
        ("{rarest_label} ex", "{n_gpus} ex", 18, "because quotes 'n_gpus', which may be unknown"),
        ("    source: https://arxiv.org/abs/2209.11055\n", "", 18, "'source' is missing"),
        ("https://arxiv.org/abs/2209.11055", "a friend", 23, "source: String should match"),
        ("2026-11-21\n    confidence: B", "yesterday\n    confidence: B", 24, "checked: "),
        ("confidence: B", "confidence: E", 25, "confidence cannot be 'E'"),
        ("effect: speaks_against", "effect: speaks_agianst", 20, "did you mean 'speaks_against'?"),
        ("    weight: 2\n", "", 18, "speaks_against with weight 0"),
        ("weight: 2", "wieght: 2", 21, "unknown key 'wieght'\n  fix: did you mean 'weight'?"),
        ("weight: 2", "weight: 2\n    weight: 3", 22, "key 'weight' twice"),
        ("effect: rules_out", "effect: rules_out\n    weight: 2", 27, "rules_out with weight 2"),
        ("id: heads-rare-label", "id: heads-enough-labels", 18, "rule id 'heads-enough-labels' tw"),
        ("id: heads-rare-label", "id: Heads rare", 18, "id: String should match"),
        ("name: heads", "name: head", 2, "the name is 'head', the file's is 'heads'"),
        ("title: Heads", "titel: Heads", 3, "unknown key 'titel'\n  fix: did you mean 'title'?"),
        ("title: Heads\n", "", 1, "'title' is missing"),
        ("rung: 3", "rung: high", 4, "rung: "),
        ("{n_examples: 0}", "{n_exampels: 0}", 38, "unknown key 'n_exampels'\n  fix: did you m"),
        ("{n_examples: 0}", "{n_examples: -1}", 38, "n_examples: Input should be greater"),
        ("{n_examples: 0}", "{task: clasification}", 38, "did you mean 'classification'?"),
        ("    fires: [heads-nothing", "    firse: [heads-nothing", 39, "unknown key 'firse'"),
        (
            "fires: [heads-nothing-labelled]",
            "fires: [heads-nothing]",
            38,
            "no rule 'heads-nothing'",
        ),
        ("title: Heads", "title: [Heads", 4, "not YAML: "),
        ("title: Heads", "title: !!python/object:os.system Heads", 3, "not YAML: "),
        (HEADS, "", 1, "heads.yaml: Input should be a valid dictionary"),
        (HEADS, "- a\n- b\n", 1, "heads.yaml: Input should be a valid dictionary"),
        ("# An", "\x07 An", 1, "not YAML: "),
    ],
)
def test_a_bad_file_is_reported_with_its_line_and_a_fix(folder, old, new, line, message):
    path = folder / "heads.yaml"
    assert old in HEADS
    path.write_text(HEADS.replace(old, new, 1))
    with pytest.raises(RuleError) as caught:
        engine.load(folder)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)
    assert "\n  fix: " in str(caught.value)


def test_bytes_that_are_no_text_are_reported(folder):
    (folder / "heads.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(RuleError, match="not YAML"):
        engine.load(folder)


def test_two_files_may_share_neither_a_rung_nor_a_rule_id(folder):
    other = HEADS.replace("name: heads", "name: more")
    (folder / "more.yaml").write_text(other)
    with pytest.raises(RuleError, match=r"more\.yaml:4: rung 3 twice, first at .*heads\.yaml:4"):
        engine.load(folder)
    (folder / "more.yaml").write_text(other.replace("rung: 3", "rung: 4"))
    with pytest.raises(RuleError, match=r"more\.yaml:9: rule id 'heads-enough-labels' twice"):
        engine.load(folder)


def test_the_own_folder_is_read_once():
    assert engine.load() is engine.load()


def test_deciding_loads_no_library_that_it_may_rule_out():
    heavy = {"torch", "transformers", "peft", "trl", "datasets", "sklearn", "numpy", "textual"}
    code = "import sys; from rules import engine; engine.load(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert heavy & set(done.stdout.split()) == set()
