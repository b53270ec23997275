"""``whichtune rules list|check|coverage|explain``, with a company's own rules beside ours."""

import json

import pytest

POLICY = """\
rules:
  - id: lora-policy
    when: access == "weights"
    effect: {effect}
    because: Our policy on trained weights.
    source: https://intranet.example/policy
    checked: 2026-11-01
    confidence: A
cases:
  - facts: {{access: weights}}
    fires: [lora-policy]
"""


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "lora.yaml").write_text(POLICY.format(effect="rules_out"))
    return tmp_path


def test_list_names_every_rule_and_its_file(whichtune, policy):
    code, out, _ = whichtune("rules", "list", "--rules", policy)
    assert code == 0
    assert f"{policy}/lora.yaml:2" in out
    assert "rules/approaches/heads.yaml:" in out
    _, out, _ = whichtune("rules", "list", "heads", "--json")
    assert {line["approach"] for line in json.loads(out)["rules"]} == {"heads"}


def test_explain_shows_condition_source_age_version_and_cases(whichtune):
    code, out, _ = whichtune("rules", "explain", "heads-enough-labels")
    assert code == 0
    for part in ("n_examples / labels >= 8", "docs/evidence.md#", "checked", "version", "fires in"):
        assert part in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "heads-enough-lables"], "did you mean 'heads-enough-labels'?"),
        (["explain"], "which rule?"),
        (["list", "lorra"], "did you mean 'lora'?"),
        (["check", "--rules", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(whichtune, arguments, said):
    code, _, talk = whichtune("rules", *arguments)
    assert code == 2
    assert said in talk


def test_check_passes_on_our_own_rules_and_on_a_policy(whichtune, policy):
    assert whichtune("rules", "check")[0] == 0
    code, out, _ = whichtune("rules", "check", "--rules", policy)
    assert code == 0
    assert "lora-policy" in out  # what it silences is named


def test_check_ends_with_1_on_a_contradiction(whichtune, policy):
    text = POLICY.format(effect="speaks_for\n    weight: 3")
    two = text.partition("cases:")[0].replace("speaks_for", "speaks_against")
    two = two.replace("lora-policy", "lora-other").replace("rules:\n", "")
    rules, _, cases = text.partition("cases:")
    cases = cases.replace("[lora-policy]", "[lora-policy, lora-other]")
    (policy / "lora.yaml").write_text(rules + two + "cases:" + cases)
    code, out, _ = whichtune("rules", "check", "--rules", policy)
    assert code == 1
    assert "lora-other speaks against lora exactly when lora-policy" in out


def test_coverage_fits_80_columns(whichtune, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = whichtune("rules", "coverage")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert json.loads(whichtune("rules", "coverage", "--json")[1])["coverage"]["approaches"]


def test_a_policy_shows_in_the_advice_with_its_file(whichtune, policy):
    arguments = ["advise", "--set", "access=weights", "--no-machine", "--rules", policy]
    _, out, _ = whichtune(*arguments)
    assert "lora-policy," in out
    _, out, _ = whichtune(*arguments, "--explain", "lora")
    assert "is ruled out here" in out
    assert "lora.yaml:2]" in out.replace("\n", "")
