"""Folders of a user's own rules, and reading the rules against each other."""

import pytest

from rules import engine, review
from rules.errors import RuleError
from rules.facts import Facts

RULE = """\
  - id: {id}
    when: {when}
    effect: {effect}
    {weight}
    because: {because}
    source: https://intranet.example/policy
    checked: 2026-11-01
    confidence: C
"""


def rule(id_, when, effect="rules_out", weight=0, because="A policy."):
    line = f"weight: {weight}" if weight else "# no weight"
    return RULE.format(id=id_, when=when, effect=effect, weight=line, because=because)


def amendment(folder, name, rules, cases):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text("rules:\n" + "".join(rules) + "cases:\n" + "".join(cases))
    return folder


def case(facts, *fires):
    return f"  - facts: {{{facts}}}\n    fires: [{', '.join(fires)}]\n"


def judged(name, facts, *folders):
    approach = next(a for a in engine.load(engine.FOLDER, *folders) if a.name == name)
    return engine.judge(approach, facts)


def test_a_folder_adds_a_rule_and_every_reason_names_its_file(tmp_path):
    engine.judge(engine.load()[0], Facts())  # what is remembered of our own must not be in the way
    judged("lora", Facts(access="weights"))
    folder = amendment(
        tmp_path / "company",
        "lora",
        [rule("lora-policy", 'access == "weights"')],
        [case("access: weights", "lora-policy")],
    )
    verdict = judged("lora", Facts(access="weights"), folder)
    assert verdict.ruled_out
    assert [r.where for r in verdict.reasons if r.rule == "lora-policy"] == [
        f"{folder}/lora.yaml:2"
    ]
    assert not judged("lora", Facts(access="weights")).ruled_out


def test_a_rule_whose_id_exists_is_replaced_and_the_last_folder_has_the_last_word(tmp_path):
    def folder(name, effect, weight):
        return amendment(
            tmp_path / name,
            "lora",
            [rule("lora-pairs", "privacy", effect, weight)],
            [case("privacy: true", "lora-pairs")],
        )

    one, two = folder("one", "speaks_for", 3), folder("two", "speaks_against", 4)
    facts = Facts(privacy=True)
    assert [r.points for r in judged("lora", facts, one).reasons] == [3]
    assert [r.points for r in judged("lora", facts, one, two).reasons] == [-4]
    assert [r.points for r in judged("lora", facts, two, one).reasons] == [3]
    count = sum(len(approach.rules) for approach in engine.load())
    assert sum(len(a.rules) for a in engine.load(engine.FOLDER, one, two, one)) == count


def test_a_file_with_another_name_is_an_approach_of_its_own(tmp_path):
    head = "name: prefix\ntitle: Prefix\nrung: 99\neffort: 2\nsummary: A prefix.\n"
    body = (
        "rules:\n"
        + rule("prefix-off", "privacy")
        + "cases:\n"
        + case("privacy: true", "prefix-off")
    )
    (tmp_path / "prefix.yaml").write_text(head + body)
    assert judged("prefix", Facts(privacy=True), tmp_path).ruled_out


@pytest.mark.parametrize(
    ("name", "rules", "cases", "said"),
    [
        ("lorra", [rule("lora-x", "privacy")], [case("privacy: true", "lora-x")], "mean 'lora'"),
        ("lora", [rule("lora-x", "privacy")], [case("privacy: false", "lora-x")], "does not fire"),
        ("lora", [rule("lora-x", "privacy")], [case("labels: 3", "lora-x")], "is undecided"),
        ("lora", [rule("lora-x", "privacy")], [case("privacy: true")], "no case shows that"),
        (
            "lora",
            [rule("lora-x", "labels < 2 and labels > 3")],
            [case("labels: 3", "lora-x")],
            "'lora-x' does not fire",
        ),
        (
            "lora",
            [rule("rag-knowledge", "privacy")],
            [case("privacy: true", "rag-knowledge")],
            "belongs to another approach (rules/approaches/rag.yaml:",
        ),
        (
            "lora",
            [rule("lora-x", "privacy"), rule("lora-x", "privacy")],
            [case("privacy: true", "lora-x")],
            "rule id 'lora-x' twice",
        ),
        ("lora", [rule("lora-x", "privcy")], [case("privacy: true", "lora-x")], "mean 'privacy'"),
    ],
)
def test_a_wrong_folder_is_refused_with_file_line_and_fix(tmp_path, name, rules, cases, said):
    folder = amendment(tmp_path, name, rules, cases)
    with pytest.raises(RuleError, match="fix: ") as caught:
        engine.load(engine.FOLDER, folder)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{folder}/{name}.yaml:")


@pytest.mark.parametrize("name", ["nowhere", ""])
def test_a_folder_without_rules_is_refused(tmp_path, name):
    with pytest.raises(RuleError, match=r"no such folder|no rule files"):
        engine.load(engine.FOLDER, tmp_path / name)


def test_our_own_rules_do_not_contradict_each_other():
    found = review.check(engine.load())
    assert [finding for finding in found.findings if finding.kind != "no_effect"] == []
    assert found.notes == ()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("privacy and labels > 3", "labels > 3 and privacy"),
        ('access in ("weights", "api_only")', 'access in ("api_only", "weights")'),
    ],
)
def test_one_condition_with_two_effects_is_a_contradiction(tmp_path, one, two):
    folder = amendment(
        tmp_path,
        "lora",
        [rule("lora-a", one, "speaks_for", 3), rule("lora-b", two, "speaks_against", 2)],
        [case("privacy: true, labels: 9, access: weights", "lora-a", "lora-b")],
    )
    found = review.check(engine.load(engine.FOLDER, folder)).findings
    kinds = {finding.rules: finding.kind for finding in found}
    assert kinds["lora-a", "lora-b"] == "contradiction"


def test_an_argument_that_is_made_only_when_ruled_out_is_named(tmp_path):
    folder = amendment(
        tmp_path,
        "zero_shot",
        [
            rule("zero-shot-a", "labels > 20", "speaks_for", 3),
            rule("zero-shot-b", "labels >= 10"),
        ],
        [case("labels: 30", "zero-shot-a", "zero-shot-b")],
    )
    found = review.check(engine.load(engine.FOLDER, folder)).findings
    assert ("zero-shot-a", "zero-shot-b") in {f.rules for f in found if f.kind == "no_effect"}
    assert all(not f.rules[0].startswith("zero-shot-b") for f in found)


def test_coverage_counts_and_names_what_no_rule_looks_at():
    found = review.coverage(engine.load())
    assert len(found.approaches) == len(engine.load())
    assert found.facts["task"] > 10
    assert "static" in found.words["freshness"]


@pytest.mark.slow
def test_ten_thousand_rules_are_loaded_judged_and_checked(tmp_path):
    from rules.tally import Tally, book

    rules = [
        rule(f"lora-n{n}", f"n_examples >= {n}", "speaks_for", 1 + n % 5) for n in range(10_000)
    ]
    fires = ", ".join(f"lora-n{n}" for n in range(10_000))
    folder = amendment(tmp_path, "lora", rules, [case("n_examples: 20000", fires)])
    approaches = engine.load(engine.FOLDER, folder)
    lora = next(approach for approach in approaches if approach.name == "lora")
    assert engine.judge(lora, Facts(n_examples=99)).score > 100
    assert Tally(book(approaches), {"n_examples": 99}).first() == "lora"
    review.check(approaches)
