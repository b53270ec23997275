"""dpo: pairs of answers, or thumbs, on a tiny model that learned to say the worse answer."""

import json
from typing import Any

import pytest

from rules.errors import DataError, SettingError, UserError
from runners import _checkpoints, _measure_text, _measuring, _preferences, dpo
from runners.base import Row, find, silent

QUICK = {"epochs": 6, "learning_rate": 2e-3, "batch": 8}


@pytest.fixture(scope="session")
def pair_rows(text_train, text_evaluation):
    """The base model says ``rejected``; people prefer ``target``."""

    def judged(row):
        thing = row.input.partition(" ")[0]
        return row.model_copy(update={"target": f"The {thing} is old.", "rejected": worse(thing)})

    def worse(thing):
        return f"It is an old {thing}."

    return [judged(row) for row in text_train], [judged(row) for row in text_evaluation[:16]]


@pytest.fixture(scope="session")
def pair_plan(text_plan, pair_rows):
    """A plan for pairs, in a folder of its own."""

    def make(folder, approach="dpo", settings=QUICK, **fields):
        train, evaluation = pair_rows
        known = {"train": train, "evaluation": evaluation, "task": "preference_alignment"}
        return text_plan(folder, approach, settings=settings, **(known | fields))

    return make


def fitted(plan, rows, report=silent) -> Any:
    find(plan.approach).fit(plan, rows, report)
    return find(plan.approach).load(plan.artifact)


def card_of(plan, predictor, rows) -> tuple[Any, Any]:
    answers = _measuring.ask(plan, predictor, rows, silent).predictions
    return _measuring.card(plan, rows, answers), answers


@pytest.fixture(scope="session")
def learned(pair_plan, pair_rows, tmp_path_factory):
    """Trained once by each kind of weights: the plan, its card, its answers and the news."""
    done = {}

    def train(weights="lora", **more):
        key = (weights, *sorted(more.items()))
        if key not in done:
            settings = {**QUICK, "weights": weights, **more}
            if weights == "full":
                settings["learning_rate"] = 1e-3
            plan = pair_plan(tmp_path_factory.mktemp(weights) / "run", settings=settings)
            news = []
            predictor = fitted(plan, pair_rows[0], news.append)
            done[key] = plan, *card_of(plan, predictor, pair_rows[1]), news
        return done[key]

    return train


def test_the_untouched_model_prefers_the_worse_answers(pair_plan, pair_rows, tmp_path):
    plan = pair_plan(tmp_path / "base", "zero_shot", settings={})
    card, _ = card_of(plan, fitted(plan, pair_rows[0]), pair_rows[1])
    assert card.main == "preference_accuracy"
    assert card.rows == len(pair_rows[1])
    assert card.metrics["preference_accuracy"].value == 0
    assert not {"reward_margin", "reward_accuracy"} & card.metrics.keys()


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": "lora"},
        pytest.param({"weights": "qlora"}, marks=pytest.mark.slow),
        pytest.param({"weights": "full"}, marks=pytest.mark.slow),
        pytest.param({"loss": "ipo", "beta": 0.02}, marks=pytest.mark.slow),
        pytest.param({"sft_first": True}, marks=pytest.mark.slow),
        pytest.param({"weights": "full", "sft_first": True}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_it_learns_which_answers_people_prefer(settings, learned):
    _, card, _, _ = learned(**settings)
    assert card.metrics["preference_accuracy"].low > 0.5
    assert card.metrics["reward_margin"].low > 0
    assert card.metrics["reward_accuracy"].value > 0.8


def test_the_reference_is_the_model_before_training(learned, pair_plan, pair_rows, tmp_path):
    plan, _, _, _ = learned()
    rows = pair_rows[1][:4]
    base = pair_plan(tmp_path / "base", "zero_shot", settings={})
    untouched = fitted(base, pair_rows[0]).bits(rows)
    predictor: Any = dpo.load(plan.artifact)
    assert isinstance(predictor, _preferences.AgainstReference)
    assert [b.bits for b in predictor.reference_bits(rows)] == pytest.approx(
        [b.bits for b in untouched], rel=1e-4
    )
    assert predictor.bits(rows)[0].bits < untouched[0].bits


@pytest.mark.slow
def test_after_learning_by_heart_the_reference_is_what_that_made(learned, pair_rows):
    plan, _, _, news = learned(sft_first=True)
    stage = plan.artifact / "sft" / "artifact"
    rows = pair_rows[1][:4]
    heart: Any = find("lora").load(stage)
    final: Any = dpo.load(plan.artifact)
    tuned, before = heart.bits(rows), final.reference_bits(rows)
    assert [b.bits for b in before] == pytest.approx([b.bits for b in tuned], rel=1e-4)
    assert any(item.message.startswith("sft: ") for item in news)
    assert not (plan.artifact / "sft" / _checkpoints.CHECKPOINTS).exists()


def test_only_the_matrices_are_saved_and_no_second_model(learned):
    plan, _, _, _ = learned()
    files = {path.name for path in plan.artifact.rglob("*") if path.is_file()}
    assert files == {
        *("adapter_model.safetensors", "adapter_config.json"),
        *("generation.json", "policy.json"),
    }


@pytest.mark.slow
def test_thumbs_are_learned_by_kto(pair_plan, pair_rows, tmp_path):
    def thumbs(rows):
        for row in rows:
            yield row.model_copy(update={"rejected": None, "liked": True})
            yield row.model_copy(
                update={
                    "id": f"{row.id}-",
                    "target": row.rejected,
                    "rejected": None,
                    "liked": False,
                }
            )

    train, evaluation = list(thumbs(pair_rows[0])), list(thumbs(pair_rows[1]))
    plan = pair_plan(tmp_path / "run", train=train, evaluation=evaluation)
    news = []
    card, answers = card_of(plan, fitted(plan, train, news.append), evaluation)
    assert any("KTO" in item.message for item in news)
    assert card.main == "liked_accuracy"
    assert card.metrics["liked_accuracy"].low > 0.5
    assert all(item.reward_margin is not None for item in answers)


def test_one_kind_of_thumb_is_refused(pair_plan, pair_rows, tmp_path):
    rows = [row.model_copy(update={"rejected": None, "liked": True}) for row in pair_rows[0]]
    with pytest.raises(DataError, match=r"all 48 answers are liked\n  fix: add rows of the other"):
        dpo.fit(pair_plan(tmp_path / "run"), rows, silent)


def test_rows_without_a_second_answer_are_refused_or_left_out_and_counted(
    pair_plan, pair_rows, tmp_path
):
    bare = [row.model_copy(update={"rejected": None}) for row in pair_rows[0]]
    with pytest.raises(DataError, match="no row has a better and a worse answer"):
        dpo.fit(pair_plan(tmp_path / "none"), bare, silent)
    news = []
    rows = [*pair_rows[0][:40], *bare[40:]]
    plan = pair_plan(tmp_path / "some", settings={**QUICK, "epochs": 1})
    dpo.fit(plan, rows, news.append)
    assert any(
        item.message.startswith("missing_side: 8 of 48 rows are left out") and item.warning
        for item in news
    )


@pytest.mark.slow
def test_learning_by_heart_runs_on_the_same_rows_and_is_measured_alike(
    pair_plan, pair_rows, tmp_path
):
    settings = {"epochs": 8, "learning_rate": 1e-2}
    plan = pair_plan(tmp_path / "run", "lora", settings=settings)
    card, _ = card_of(plan, fitted(plan, pair_rows[0]), pair_rows[1])
    assert card.metrics["preference_accuracy"].value > 0.9


def test_settings_out_of_range_are_refused(pair_plan, pair_rows, tmp_path):
    for settings in ({"beta": 0}, {"loss": "hinge"}, {"weights": "half"}, {"batch": 1}):
        with pytest.raises(SettingError):
            dpo.fit(pair_plan(tmp_path / "run", settings=settings), pair_rows[0], silent)


def test_a_model_that_writes_nothing_is_refused(pair_plan, pair_rows, encoder, tmp_path):
    plan = pair_plan(tmp_path / "run", base_model=encoder)
    with pytest.raises(UserError, match="this model does not write text"):
        dpo.fit(plan, pair_rows[0], silent)


def test_the_longer_answer_is_a_baseline_and_ties_are_right_for_nobody():
    rows = [
        Row(id="1", input="a", target="longer", rejected="short"),
        Row(id="2", input="a", target="same", rejected="like"),
        Row(id="3", input="a", target="no", rejected="longer"),
    ]
    card = _measure_text.measure(rows, _preferences.longer(rows))
    assert card.metrics.keys() == {"preference_accuracy"}
    assert card.metrics["preference_accuracy"].value == pytest.approx(1 / 3)


def test_curves_of_the_margin_are_told(learned):
    _, _, _, news = learned()
    told = [item.values for item in news if "reward_margin" in item.values]
    assert told[0]["reward_margin"] == pytest.approx(0, abs=1e-3)
    assert told[-1]["reward_margin"] > 0
    assert json.dumps(told)
