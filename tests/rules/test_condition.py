"""The language of the rules: three-valued logic, and errors that name the place and the fix."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.condition import parse
from rules.errors import RuleError
from rules.sentence import parse_sentence, shown

TRUE, FALSE, UNKNOWN = "labels >= 1", "labels < 1", "rarest_label >= 1"
ROW = {"labels": 3}
VALUES = {
    "labels": (1, 2, 5),
    "n_examples": (0, 1, 4),
    "n_gpus": (0, 1, 2),
    "task": ("classification", "style"),
    "privacy": (True, False),
}


def holds(text, **facts):
    return parse(text, "here").holds(facts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{TRUE} or {UNKNOWN}", True),
        (f"{UNKNOWN} or {TRUE}", True),
        (f"{FALSE} or {UNKNOWN}", None),
        (f"{FALSE} and {UNKNOWN}", False),
        (f"{UNKNOWN} and {FALSE}", False),
        (f"{TRUE} and {UNKNOWN}", None),
        (f"not {UNKNOWN}", None),
        (f"not ({UNKNOWN} and {FALSE})", True),
        ("1 < labels < 4", True),
        ("1 < rarest_label < labels", None),
        ("0 < rarest_label and 5 < labels", False),
        ("rarest_label in (1, 2)", None),
        ("task not in ('style', 'generation')", None),
        ("n_examples / labels >= 2", None),
        ("-labels < 0", True),
        ("labels * 2 - 1 == 5", True),
    ],
)
def test_unknown_is_neither_true_nor_false(text, expected):
    assert parse(text, "here").holds(ROW) is expected


def test_a_fact_that_is_given_as_none_is_as_unknown_as_one_that_is_missing():
    assert holds("privacy", privacy=None) is None
    assert holds("privacy") is None
    assert holds("privacy", privacy=False) is False


def test_division_by_zero_is_unknown_and_says_on_what_it_hangs():
    condition = parse("gpu_memory_gb / n_gpus > 8", "here")
    assert condition.holds({"gpu_memory_gb": 80.0, "n_gpus": 0}) is None
    assert condition.unknowns({"gpu_memory_gb": 80.0, "n_gpus": 0}) == {"gpu_memory_gb", "n_gpus"}
    assert holds("n_examples / labels > 1", n_examples=10**400, labels=1) is None


def test_unknowns_are_only_those_that_matter():
    condition = parse("labels >= 1 and rarest_label < 8 or privacy and n_gpus > 0", "here")
    assert condition.unknowns({"labels": 3, "privacy": False}) == {"rarest_label"}
    assert condition.unknowns({"labels": 3, "rarest_label": 2}) == frozenset()
    assert condition.unknowns({}) == {"labels", "rarest_label", "privacy", "n_gpus"}


def test_certain_facts_are_known_whenever_the_condition_holds():
    assert parse("labels > 1 and (privacy or n_gpus > 0)", "here").certain == {"labels"}
    assert parse("labels > 1 or labels < 1 and privacy", "here").certain == {"labels"}
    assert parse("not (labels > 1 or privacy)", "here").certain == {"labels", "privacy"}


NUMBERS = st.sampled_from(["labels", "n_examples", "n_gpus", "2", "n_examples / n_gpus"])
LEAVES = st.one_of(
    st.builds(
        "{} {} {}".format, NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS
    ),
    st.builds("{} < {} <= {}".format, NUMBERS, NUMBERS, NUMBERS),
    st.sampled_from(["privacy", "task == 'style'", "task not in ('style',)", "labels in (1, 2)"]),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {} or {})".format, inner, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()})


@given(text=CONDITIONS, known=PARTS)
def test_what_is_decided_stays_so_whatever_the_unknown_facts_turn_out_to_be(text, known):
    condition = parse(text, "here")
    open_facts = sorted(VALUES.keys() - known.keys())
    completions = [
        condition.holds({**known, **dict(zip(open_facts, values, strict=True))})
        for values in itertools.product(*(VALUES[name] for name in open_facts))
    ]
    answer = condition.holds(known)
    if answer is not None:
        assert set(completions) == {answer}


@given(text=CONDITIONS, known=PARTS)
def test_the_laws_of_kleene_hold(text, known):
    answer = parse(text, "here").holds(known)
    denied = {True: False, False: True, None: None}[answer]
    assert parse(f"not {text}", "here").holds(known) is denied
    assert parse(f"{text} and {TRUE}", "here").holds({**known, "labels": 3}) is parse(
        text, "here"
    ).holds({**known, "labels": 3})
    assert parse(f"{text} or {text}", "here").holds(known) is answer


@given(text=CONDITIONS, known=PARTS)
def test_unknowns_and_certain_facts_keep_their_word(text, known):
    condition = parse(text, "here")
    unknowns = condition.unknowns(known)
    assert bool(unknowns) == (condition.holds(known) is None)
    assert unknowns <= condition.names
    if condition.holds(known):
        assert condition.certain <= known.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rarest_clas < 8", "unknown fact 'rarest_clas'\n  fix: did you mean 'rarest_label'?"),
        ("xyzzy < 8", "unknown fact 'xyzzy'\n  fix: the facts are in rules/facts.py"),
        ("open(task) < 8", "'open(task)' is not allowed\n  fix: use only facts"),
        ("task.upper == 'A'", "'task.upper' is not allowed"),
        ("[n for n in labels]", "is not allowed"),
        ("(lambda: 1)() > 0", "is not allowed"),
        ("labels ** 2 > 4", "'labels ** 2' is not allowed"),
        ("labels is None", "'None' is not allowed"),
        ("labels is 3", "'labels is 3' is not allowed"),
        ("privacy == True", "'True' is not allowed"),
        ("privacy == citations_needed", "compares something that is true or false"),
        ("rarest_label <", "cannot read 'rarest_label <'\n  fix: write a comparison"),
        ("", "cannot read ''"),
        ("(" * 300 + "labels" + ")" * 300, "cannot read"),
        ("task == 'clasification'", "task is never 'clasification'\n  fix: did you mean 'classif"),
        ("freshness in ('daily', 'hourly')", "freshness is never 'hourly'\n  fix: "),
        ("labels == 'three'", "compares unlike things"),
        ("labels in ('a', 'b')", "compares unlike things\n  fix: list values of the fact's own"),
        ("labels in 3", "'in' needs a fact and a tuple"),
        ("task in (labels, 1)", "is not allowed"),
        ("task < 'style'", "compares unlike things"),
        ("task + 1 > 2", "arithmetic needs numbers, not choice"),
        ("-task > 2", "a minus sign needs a number"),
        ("+labels > 2", "'+labels' is not allowed"),
        ("not labels", "'not' needs something true or false, not number"),
        ("labels and privacy", "each side of and/or must be true or false, not number"),
        ("labels + 1", "'labels + 1' is not true or false"),
    ],
)
def test_a_bad_condition_is_refused_with_its_place_and_a_fix(text, message):
    with pytest.raises(RuleError) as caught:
        parse(text, "heads.yaml:13")
    assert str(caught.value).startswith("heads.yaml:13: ")
    assert message in str(caught.value)


def test_a_sentence_quotes_facts_and_arithmetic_as_a_person_would():
    sentence = parse_sentence("{n_examples} rows, {n_examples / labels} each; {access}.", "here")
    facts = {"n_examples": 2000, "labels": 6, "access": "api_only"}
    assert sentence.told(facts) == "2,000 rows, 333 each; api only."
    assert sentence.told({}) == "[n_examples] rows, [n_examples / labels] each; [access]."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((2000, "2,000"), (0.355, "0.355"), (7.0, "7"), (1234.5, "1,234"), (20.2, "20.2")),
        *((True, "yes"), (False, "no"), (24 * 10**12, "2.4e+13"), (10**400, "very many")),
        *(("api_with_finetuning", "api with finetuning"), (None, "unknown")),
    ],
)
def test_values_are_written_for_people(value, text):
    assert shown(value) == text


@pytest.mark.parametrize("text", ["{labels", "labels}", "{labels > 1}", "{3}", "{labls}", "{}"])
def test_a_bad_placeholder_is_refused(text):
    with pytest.raises(RuleError, match=r"^lora\.yaml:7: "):
        parse_sentence(text, "lora.yaml:7")
