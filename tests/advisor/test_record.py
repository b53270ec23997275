"""Decision records: the same bytes from the same rules, and what moved an answer that changed."""

import json
from datetime import date, timedelta

import pytest

from advisor import record
from advisor.advice import consider
from advisor.facts import Known, Situation
from advisor.record_diff import difference
from rules import engine
from rules.errors import DataError

FACTS = {
    "task": "generation",
    "goal": "behaviour",
    "data_kind": "prompt_response",
    "n_examples": 2000,
    "access": "weights",
    "gpu_memory_gb": 24.0,
    "n_gpus": 1,
    "model_params_b": 7.0,
}
DAY = date(2026, 11, 21)
POLICY = """\
rules:
  - id: lora-policy
    when: access == "weights"
    effect: rules_out
    because: Our policy allows no trained weights.
    source: https://intranet.example/policy
    checked: 2026-11-01
    confidence: A
cases:
  - facts: {access: weights}
    fires: [lora-policy]
"""


def situation(**more):
    row = FACTS | more
    return Situation(
        known={k: Known(value=v, origin="answer", how="--set") for k, v in row.items()}
    )


@pytest.fixture
def made():
    return record.make(consider(situation()), DAY)


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "company").mkdir()
    (tmp_path / "company" / "lora.yaml").write_text(POLICY)
    return tmp_path / "company"


def test_a_record_read_and_judged_again_is_the_same_bytes(made, tmp_path):
    path, beside = record.save(made, tmp_path / "deep" / "a.json")
    read = record.read(path)
    assert read == made
    again = record.again(read, engine.load())
    assert record.text(again).encode() == path.read_bytes()
    assert record.markdown(again).encode() == beside.read_bytes()


def test_a_record_holds_facts_verdicts_flips_versions_and_when_to_check_again(made):
    assert made.advice.facts["n_examples"].how == "--set"
    assert made.advice.flips
    assert made.rules.keys() >= {r.rule for item in made.advice.ranking for r in item.reasons}
    assert made.expiry.date > DAY
    assert made.expiry.date - DAY <= timedelta(days=366)
    assert made.expiry.when
    page = record.markdown(made)
    for part in ("## Facts", "## Verdicts", "## What would change it", "## Check again", "--set"):
        assert part in page


def test_the_fact_that_changed_the_answer_is_named(made):
    new = record.make(consider(situation(gpu_memory_gb=12.0, citations_needed=False)), DAY)
    found = difference(made, new, engine.load())
    assert (found.before, found.after, found.moved) == ("lora", "qlora", ("gpu_memory_gb",))
    assert len(found.facts) == 2


def test_the_rule_that_changed_the_answer_is_named(made, policy):
    approaches = engine.load(engine.FOLDER, policy)
    found = difference(made, record.again(made, approaches), approaches)
    assert found.before == "lora" != found.after
    assert found.moved == ("lora-policy",)
    assert found.rules == ("lora-policy: added",)


def test_other_wording_moves_nothing(made):
    (*others,) = (item for item in engine.load() if item.name != "lora")
    lora = next(item for item in engine.load() if item.name == "lora")
    rules = (lora.rules[0].model_copy(update={"because": "Said otherwise."}), *lora.rules[1:])
    approaches = tuple(sorted((*others, lora.with_rules(rules)), key=lambda item: item.rung))
    found = difference(made, record.again(made, approaches), approaches)
    assert found.moved == ()
    assert found.rules == (f"{lora.rules[0].id}: changed",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such record"),
        ("{", "not a record"),
        ("[]", "not a record"),
        ('{"schema": "whichtune.advise/1"}', "not a record"),
        ('{"schema": "whichtune.record/7"}', "whichtune.record/7, this version reads"),
        ('{"schema": "whichtune.record/1", "made": "2026-11-21"}', "damaged record"),
        ('{"schema": "whichtune.record/1", "advice": 3}', "damaged record"),
    ],
)
def test_what_is_no_record_is_refused_with_the_way_out(tmp_path, content, said):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match="fix: ") as caught:
        record.read(path)
    assert said in str(caught.value)


def test_replay_prints_the_same_bytes_and_ends_with_1_when_the_answer_moved(
    whichtune, tmp_path, policy
):
    facts = tmp_path / "facts.yaml"
    facts.write_text(json.dumps(FACTS))
    path = tmp_path / "a.json"
    code, _, talk = whichtune("advise", facts, "--no-machine", "--record", path)
    assert code == 0
    assert f"--replay {path}" in talk
    code, out, talk = whichtune("advise", "--replay", path, "--json")
    assert (code, out) == (0, path.read_text("utf-8"))
    assert "the answer is the same: lora" in talk
    code, out, _ = whichtune("advise", "--replay", path)
    assert (code, out) == (0, path.with_suffix(".md").read_text("utf-8"))
    code, _, talk = whichtune("advise", "--replay", path, "--set", "gpu_memory_gb=12")
    assert code == 1
    assert "moved by gpu_memory_gb" in talk
    code, _, talk = whichtune("advise", "--replay", path, "--rules", policy)
    assert code == 1
    assert "moved by lora-policy" in talk


def test_record_diff_of_two_files(whichtune, tmp_path, made):
    one, two = tmp_path / "a.json", tmp_path / "b.json"
    record.save(made, one)
    record.save(record.make(consider(situation(gpu_memory_gb=12.0)), DAY), two)
    code, out, _ = whichtune("record", "diff", one, two)
    assert code == 1
    assert "lora -> qlora" in out
    assert whichtune("record", "diff", one, one)[0] == 0
    assert whichtune("record", "diff", one)[0] == 2
    code, out, _ = whichtune("record", "diff", one, two, "--json")
    assert json.loads(out)["moved"] == ["gpu_memory_gb"]
