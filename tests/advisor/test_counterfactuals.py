"""Changes of one fact: each flip is true when it is tried, and the nearest are found."""

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.counterfactuals import look_around
from advisor.recommend import recommend
from rules.facts import Facts
from rules.node import KINDS

TUNABLE = {
    "task": "generation",
    "goal": "behaviour",
    "data_kind": "prompt_response",
    "n_examples": 2000,
    "access": "weights",
    "gpu_memory_gb": 24.0,
    "n_gpus": 1,
    "model_params_b": 7.0,
}


def values(name):
    kind, options = KINDS[name]
    if kind == "truth":
        return st.booleans()
    if kind == "choice":
        return st.sampled_from(options)
    if name in ("gpu_memory_gb", "model_params_b"):
        return st.one_of(st.sampled_from([0.0, 0.3, 7.0, 24.0, 80.0]), st.floats(0, 1e6))
    return st.one_of(st.integers(1, 3000), st.integers(1, 10**14))


ROWS = st.fixed_dictionaries({}, optional={name: values(name) for name in KINDS})

LABELS = {"task": "classification", "data_kind": "labelled", "n_examples": 60, "labels": 5}


@given(row=ROWS)
@settings(max_examples=40)
def test_every_flip_holds_when_the_changed_case_is_judged_afresh(row):
    found = look_around(Facts(**row))
    assert found.top == recommend(Facts(**row)).top
    for flip in found.flips:
        changed = Facts(**{**row, flip.fact: flip.after, **flip.also})
        assert recommend(changed).top == flip.top != found.top
        assert row.get(flip.fact) == flip.before
        assert flip.text
    assert found.same + len(found.flips) <= found.total


def test_flips_stand_on_the_thresholds_of_the_rules():
    found = look_around(Facts(**TUNABLE))
    smaller = next(flip for flip in found.flips if flip.fact == "gpu_memory_gb")
    assert (smaller.after, smaller.top) == (16.0, "qlora")
    assert smaller.text == "a GPU of 16 GB instead of 24"


def test_a_threshold_per_label_is_solved_for():
    row = LABELS | {"access": "weights", "model_params_b": 8.0, "gpu_memory_gb": 80.0, "n_gpus": 1}
    tried = {flip.after for flip in look_around(Facts(**row)).flips if flip.fact == "n_examples"}
    assert 200 in tried  # 40 for each of 5 labels


def test_the_nearest_flip_stands_first():
    distances = [flip.distance for flip in look_around(Facts(**LABELS)).flips]
    assert distances == sorted(distances)


def test_a_first_gpu_brings_its_number():
    found = look_around(Facts(**{**TUNABLE, "gpu_memory_gb": 0.0, "n_gpus": 0}))
    gpu = [flip for flip in found.flips if flip.fact == "gpu_memory_gb"]
    assert gpu
    assert all(flip.also == {"n_gpus": 1} for flip in gpu)
