"""What is forgotten is measured on texts that no row is about, and advice follows from it."""

import lzma
import random
import tomllib
from pathlib import Path

import pytest

from runners import _forgetting, _models, continued_pretraining, zero_shot
from runners.base import DataFile, Plan, Row

ROOT = Path(__file__).parents[2]
BOOKS = ROOT.parent / "shared" / "data" / "pretrain_text" / "core_train.txt.xz"
SYLLABLES = ("zor", "qua", "vex", "plim", "drub", "sko", "wha", "nub")


def nonsense(seed):
    draw = random.Random(seed)
    words = ("".join(draw.choices(SYLLABLES, k=2)) for _ in range(300))
    return Row(id=str(seed), input=" ".join(words))


def new_plan(folder, approach="continued_pretraining", **settings):
    nowhere = DataFile(path=folder / "data" / "rows.jsonl", sha256="", rows=0)
    return Plan(
        approach=approach,
        task="domain_knowledge",
        base_model=_models.BUNDLED,
        train=nowhere,
        evaluation=nowhere,
        folder=folder / "run",
        settings=settings,
    )


def probed(plan, module):
    """Fit on nonsense and look at what is left: the measurement, and what was said."""
    news = []
    module.fit(plan, [nonsense(seed) for seed in range(8)], news.append)
    tuned = _forgetting.after(plan, module.load(plan.artifact), news.append)
    return _forgetting.against(plan, tuned, news.append), news


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoiled")
    plan = new_plan(folder, max_tokens=128, batch=4, epochs=2, learning_rate=0.01)
    return plan, *probed(plan, continued_pretraining)


def test_a_model_that_learned_nonsense_knows_less_of_prose_and_of_answers(spoiled):
    _, found, _ = spoiled
    assert found.prose.change > 0.2
    assert found.answers.change > 0.2


def test_advice_for_the_approach_is_given_when_much_was_forgotten(spoiled):
    _, _, news = spoiled
    (advice,) = [item.message for item in news if item.warning]
    assert "replay" in advice
    assert "learning_rate" in advice
    assert "epochs" in advice


@pytest.mark.slow
def test_what_hardly_learned_forgot_hardly_anything_and_gets_no_advice(tmp_path):
    plan = new_plan(tmp_path, max_tokens=128, batch=4, epochs=0.5, learning_rate=1e-7)
    found, news = probed(plan, continued_pretraining)
    assert found
    assert abs(found.prose.change) < 0.001
    assert not [item for item in news if item.warning]


def test_the_untouched_model_is_measured_once_for_each_data_set(spoiled):
    plan, found, _ = spoiled
    (kept,) = (plan.train.path.parent / "baselines").iterdir()
    size = found.prose.bytes
    kept.write_text(f'{{"prose": [{size}, {size}], "answers": [5.0, 5]}}')
    tuned = {"prose": (2.0 * size, size), "answers": (5.0, 5)}
    tuned = {name: _forgetting.Bits(*said) for name, said in tuned.items()}
    again = _forgetting.against(plan, tuned, lambda progress: None)
    assert again.prose.before == 1
    assert again.prose.change == 1


def test_a_model_that_was_not_changed_is_not_probed(tmp_path):
    plan = new_plan(tmp_path, "zero_shot")
    zero_shot.fit(plan, [nonsense(1)], lambda progress: None)
    predictor = zero_shot.load(plan.artifact)
    assert _forgetting.after(plan, predictor, lambda progress: None) is None


@pytest.mark.parametrize(("weights", "share"), [(1e6, 1), (1e9, 4), (1e11, 16)])
def test_a_large_model_reads_the_beginning_of_every_passage(weights, share):
    whole, part = _forgetting.rows(0)["prose"], _forgetting.rows(int(weights))["prose"]
    assert [len(row.input) // share for row in whole] == [len(row.input) for row in part]
    assert len(_forgetting.rows(int(weights))["answers"]) == 32


def test_the_fixed_texts_go_into_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert _forgetting.FOLDER.relative_to(ROOT).parts[0] in packages


@pytest.mark.skipif(not BOOKS.exists(), reason="needs the books the bundled model learned from")
@pytest.mark.slow
def test_no_passage_is_in_a_book_that_the_bundled_model_learned_from():
    read = lzma.decompress(BOOKS.read_bytes()).decode("utf-8")
    for row in _forgetting.rows(0)["prose"]:
        for paragraph in row.input.split("\n\n"):
            assert len(paragraph) < 120 or paragraph not in read
