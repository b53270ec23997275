"""Tuning on texts: what every approach that writes has in common, on a tiny model that learns."""

import json
import re

import pytest
import torch

from rules.errors import DataError, SettingError, UserError
from runners import _causal_lm, _generation, _render, _sft_arguments, _sft_rows, _sft_settings
from runners._guards import GuardError
from runners._render_guards import RenderError
from runners.base import Row, find, silent

SETTINGS = {
    "full_sft": {"epochs": 20, "learning_rate": 4e-3},
    "lora": {"epochs": 25, "learning_rate": 2e-2},
    "qlora": {"epochs": 40, "learning_rate": 1e-2},
    "adapters": {"epochs": 25, "learning_rate": 1e-2},
}
"""With which each approach learns in seconds."""
APPROACHES = sorted(SETTINGS)


def reopened(approach, plan) -> _generation.Writer:
    writer = find(approach).load(plan.artifact)
    assert isinstance(writer, _generation.Writer)
    return writer


@pytest.fixture(scope="session")
def tuned(text_plan, text_train, text_evaluation, tmp_path_factory):
    """Tune once for all tests: the plan, the answers, the news on the way."""
    done = {}

    def tune(approach):
        if approach not in done:
            plan = text_plan(
                tmp_path_factory.mktemp(approach) / "run", approach, settings=SETTINGS[approach]
            )
            news = []
            find(approach).fit(plan, text_train, news.append)
            answers = reopened(approach, plan).predict(text_evaluation)
            done[approach] = plan, answers, news
        return done[approach]

    return tune


@pytest.mark.parametrize("approach", APPROACHES)
def test_it_learns_the_form_of_the_answers_and_to_end_them(
    approach, tuned, text_plan, text_train, text_evaluation, tmp_path
):
    _, answers, _ = tuned(approach)
    plan = text_plan(tmp_path / "base", "zero_shot")
    find("zero_shot").fit(plan, text_train, silent)
    untouched = find("zero_shot").load(plan.artifact).predict(text_evaluation)
    form = re.compile(r"The.* is old\.")
    assert all(form.fullmatch(answer.prediction) for answer in answers)
    assert not any(form.fullmatch(answer.prediction) for answer in untouched)
    assert not any(answer.cut for answer in answers)


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_right_answer_becomes_likelier(
    approach, tuned, text_train, text_evaluation, writer_model
):
    plan, _, _ = tuned(approach)
    base = _generation.Writer(*_causal_lm.open_model(writer_model), 10)
    before = sum(said.bits for said in base.bits(text_evaluation[:16]))
    after = sum(said.bits for said in reopened(approach, plan).bits(text_evaluation[:16]))
    assert after < before / 2


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_artifact_is_safetensors_and_text_and_nothing_lies_beside_it(approach, tuned):
    plan, _, _ = tuned(approach)
    files = [path for path in plan.artifact.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".jinja"}
    assert {path.name for path in plan.folder.iterdir()} <= {"artifact", "checkpoints"}


@pytest.mark.parametrize("approach", APPROACHES)
def test_it_forecasts_and_reports_its_loss_and_where_it_stands(approach, tuned):
    _, _, news = tuned(approach)
    (forecast,) = [item.forecast for item in news if item.forecast]
    assert forecast.memory_bytes > 100e6
    losses = [item.values["loss"] for item in news if "loss" in item.values]
    assert losses[-1] < losses[0] / 2
    assert all(0 < item.step <= item.steps for item in news if "loss" in item.values)
    assert all(item.values["tokens_per_second"] > 0 for item in news if "loss" in item.values)


def test_the_same_seed_gives_the_same_answers(tuned, text_plan, text_train, tmp_path):
    plan, _, _ = tuned("lora")
    again = text_plan(tmp_path / "run", "lora", settings=SETTINGS["lora"])
    find("lora").fit(again, text_train, silent)
    name = "adapter/adapter_model.safetensors"
    assert (again.artifact / name).read_bytes() == (plan.artifact / name).read_bytes()


@pytest.mark.parametrize("approach", APPROACHES)
def test_training_stops_in_good_order_when_its_time_is_used_up(
    approach, text_plan, text_train, text_evaluation, tmp_path
):
    plan = text_plan(tmp_path / "run", approach, max_minutes=1e-9, settings=SETTINGS[approach])
    news = []
    find(approach).fit(plan, text_train, news.append)
    told = [item.message for item in news if item.warning]
    assert any(text.startswith("stopped at step 1 of ") for text in told)
    assert len(reopened(approach, plan).predict(text_evaluation)) == 17


def many(count):
    """Rows enough that some are held back, each question with two answers."""
    return [
        Row(id=f"{n}", input=f"number {n // 2}", target=f"It is {n}, or {n % 2}.")
        for n in range(count)
    ]


def test_whole_questions_are_held_back_and_the_best_checkpoint_is_kept(
    text_plan, tmp_path, monkeypatch
):
    rows = many(200)
    plan = text_plan(tmp_path / "run", "lora")
    tokenizer = _causal_lm.open_model(plan.base_model)[1]
    slices = _sft_rows.prepare(plan, rows, tokenizer, 256, silent)
    assert len(slices.held_back) == 20
    held = {row.input for row in slices.rows_held_back}
    assert not held & {row.input for row in slices.rows}
    assert len(slices.train) + len(slices.held_back) == 200
    # A rate far too high gets worse after some steps: what is kept is the best, not the last.
    news = []
    settings = {"epochs": 6, "learning_rate": 0.5}
    plan = text_plan(tmp_path / "wild", "lora", settings=settings)
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    find("lora").fit(plan, rows, news.append)
    losses = [item.values["eval_loss"] for item in news if "eval_loss" in item.values]
    writer = reopened("lora", plan)
    found = [writer_loss(writer, row) for row in slices.rows_held_back]
    tokens = sum(count for _, count in found)
    assert min(losses) < losses[-1] or len(losses) < 12
    assert sum(loss for loss, _ in found) / tokens == pytest.approx(min(losses), rel=0.02)


def writer_loss(writer, row):
    rendered = _render.render(row, writer.tokenizer)
    with torch.inference_mode():
        logits = writer.model(torch.tensor([rendered.ids])).logits[0, :-1].float()
    labels = torch.tensor(rendered.labels[1:])
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum", ignore_index=-100)
    return float(loss), int((labels != -100).sum())


def test_few_rows_are_all_learned_from(text_plan, text_train, writer_model):
    tokenizer = _causal_lm.open_model(writer_model)[1]
    slices = _sft_rows.prepare(text_plan_of(text_plan), text_train, tokenizer, 256, silent)
    assert not slices.held_back
    assert [row.row for row in slices.train] == [row.id for row in text_train]


def text_plan_of(text_plan):
    import tempfile
    from pathlib import Path

    return text_plan(Path(tempfile.mkdtemp()) / "run", "lora")


def test_what_is_trained_on_is_what_the_xray_shows(text_plan, text_train, tmp_path, monkeypatch):
    import trl

    seen = []

    class Spy(trl.SFTTrainer):
        def compute_loss(self, model, inputs, *arguments, **more):
            if model.training:
                seen.append((inputs["input_ids"].clone(), inputs["labels"].clone()))
            return super().compute_loss(model, inputs, *arguments, **more)

    monkeypatch.setattr(trl, "SFTTrainer", Spy)
    monkeypatch.setenv("WHICHTUNE_PROBE", "off")
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    plan = text_plan(tmp_path / "run", "lora", settings={"epochs": 1})
    find("lora").fit(plan, text_train, silent)
    tokenizer = _causal_lm.open_model(plan.base_model)[1]
    rendered = [_render.render(row, tokenizer) for row in text_train]
    wanted = sorted((row.ids, tuple(row.labels)) for row in rendered)
    got = []
    for ids, labels in seen:
        for line, learned in zip(ids.tolist(), labels.tolist(), strict=True):
            size = next(n for n in range(len(line), 0, -1) if line[n - 1] != tokenizer.pad_token_id)
            got.append((tuple(line[:size]), tuple(learned[:size])))
            assert set(learned[size:]) <= {-100}
    assert sorted(got) == wanted


def test_an_answer_nothing_is_left_of_is_left_out_with_its_code(
    text_plan, text_train, writer_model
):
    tokenizer = _causal_lm.open_model(writer_model)[1]
    long = Row(id="long", input="many words " * 200, target="An answer.")
    news = []
    plan = text_plan_of(text_plan)
    slices = _sft_rows.prepare(plan, [*text_train, long], tokenizer, 256, news.append)
    assert len(slices.train) == len(text_train)
    told = [item.message for item in news if item.warning]
    assert told == ["all_cut: 1 of 49 rows are left out, nothing of them can be learned"]
    with pytest.raises(RenderError, match="all_cut: "):
        _sft_rows.prepare(plan, [long], tokenizer, 256, silent)


def test_a_template_that_does_not_end_the_answer_stops_the_run_before_it_starts(
    text_plan, text_train, bare_writer, tmp_path, change
):
    from pathlib import Path

    folder = Path(bare_writer())
    template = (folder / "chat_template.jinja").read_text()
    (folder / "chat_template.jinja").write_text(
        template.replace("message.content ~ eos_token", "message.content")
    )
    plan = text_plan(tmp_path / "run", "lora", base_model=str(folder))
    with pytest.raises(RenderError, match="no_end_of_sequence: "):
        find("lora").fit(plan, text_train, silent)
    assert not plan.artifact.exists()


def test_a_tokenizer_larger_than_the_embeddings_stops_the_run_before_it_starts(
    text_plan, text_train, bare_writer, tmp_path
):
    folder = bare_writer(vocab_size=300)
    plan = text_plan(tmp_path / "run", "lora", base_model=folder)
    with pytest.raises(GuardError, match=r"vocabulary_too_large: .*the model knows 300 tokens"):
        find("lora").fit(plan, text_train, silent)


def test_weights_that_do_not_move_fail_the_run(text_plan, text_train, tmp_path):
    settings = {"epochs": 1, "learning_rate": 1e-30}
    plan = text_plan(tmp_path / "run", "full_sft", settings=settings)
    with pytest.raises(GuardError, match="nothing_changed: "):
        find("full_sft").fit(plan, text_train, silent)


def test_a_loss_that_is_no_number_fails_the_run(text_plan, text_train, tmp_path):
    settings = {"epochs": 9, "learning_rate": 1e30}
    plan = text_plan(tmp_path / "run", "full_sft", settings=settings)
    with pytest.raises(GuardError, match=r"loss_not_finite: the loss is \w+ at step \d+"):
        find("full_sft").fit(plan, text_train, silent)


def test_a_model_that_never_ends_its_answers_fails_the_run(
    text_plan, text_train, tmp_path, monkeypatch
):
    """The end of sequence is taken out of what is learned, as a careless mask would."""

    def without_end(rendered):
        pairs = zip(rendered.ids, rendered.learned, strict=True)
        labels = [id_ if learned else -100 for id_, learned in pairs]
        return [-100 if n in rendered.ends else label for n, label in enumerate(labels)]

    monkeypatch.setattr(_render.Rendered, "labels", property(without_end))
    plan = text_plan(tmp_path / "run", "full_sft", settings=SETTINGS["full_sft"])
    with pytest.raises(GuardError, match="never_ends: "):
        find("full_sft").fit(plan, text_train, silent)


@pytest.mark.parametrize("approach", APPROACHES)
def test_an_encoder_cannot_be_tuned_to_write(approach, text_plan, text_train, encoder, tmp_path):
    plan = text_plan(tmp_path / "run", approach, base_model=encoder)
    with pytest.raises(UserError, match="this model does not write text"):
        find(approach).fit(plan, text_train, silent)


@pytest.mark.parametrize("approach", APPROACHES)
def test_an_unknown_setting_is_refused(approach, text_plan, text_train, tmp_path):
    plan = text_plan(tmp_path / "run", approach, settings={"magic": 1})
    with pytest.raises(SettingError, match="unknown setting 'magic'"):
        find(approach).fit(plan, text_train, silent)


def test_no_rows_are_refused(text_plan, tmp_path):
    with pytest.raises(DataError, match="no rows to learn from"):
        find("lora").fit(text_plan(tmp_path / "run", "lora"), [], silent)


@pytest.mark.parametrize(("rows", "epochs"), [(1, 10), (2000, 6), (4672, 3), (10**6, 1)])
def test_epochs_follow_from_the_rows_and_the_rate_from_the_width(rows, epochs, writer_model):
    few = _sft_settings.automatic(rows, writer_model, added=True)
    every = _sft_settings.automatic(rows, writer_model, added=False)
    assert few["epochs"][0] == epochs
    assert few["learning_rate"][0] == pytest.approx(10 * every["learning_rate"][0], rel=0.05)
    assert "LoRA Without Regret" in few["learning_rate"][1]
    assert "learning_rate" not in _sft_settings.automatic(rows, "org/name", added=True)


def test_gradients_of_micro_batches_add_up_to_the_batch(
    text_plan, text_train, tmp_path, monkeypatch
):
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    weights = []
    for micro in (None, 4):
        settings = {"epochs": 1, "learning_rate": 1e-3, "batch": 16, "micro_batch": micro}
        plan = text_plan(tmp_path / str(micro) / "run", "full_sft", settings=settings)
        find("full_sft").fit(plan, text_train, silent)
        model = reopened("full_sft", plan).model
        weights.append(model.model.layers[0].mlp.up_proj.weight.detach())
    assert torch.allclose(*weights, atol=2e-4)


def test_steps_are_counted_in_batches():
    recipe = _sft_arguments.Recipe(epochs=2.5, learning_rate=1e-3, batch=16)
    assert _sft_arguments.steps_of(48, recipe) == 8
    assert _sft_arguments.steps_of(1, recipe) == 1


def test_every_row_is_seen_once_a_pass_and_rows_of_like_length_stand_together():
    lengths = [10 + (n * 37) % 500 for n in range(640)]
    recipe = _sft_arguments.Recipe(epochs=2.5, learning_rate=1e-3, batch=16)
    places = _sft_arguments.order(lengths, recipe, 0)
    assert len(places) == 1600
    assert {places.count(n) for n in range(640)} <= {2, 3}
    steps = [places[n : n + 16] for n in range(0, 1600, 16)]
    padded = sum(max(lengths[n] for n in step) * 16 for step in steps)
    assert padded < 1.15 * sum(lengths[n] for n in places)
    means = [sum(lengths[n] for n in step) for step in steps]
    assert means != sorted(means, reverse=True)
    assert _sft_arguments.order(lengths, recipe, 0) == places
    assert _sft_arguments.order(lengths, recipe, 1) != places


def test_a_small_set_is_shuffled_at_every_pass():
    recipe = _sft_arguments.Recipe(epochs=3, learning_rate=1e-3, batch=16)
    places = _sft_arguments.order(range(1, 49), recipe, 0)
    passes = [places[n : n + 48] for n in (0, 48, 96)]
    assert all(sorted(once) == list(range(48)) for once in passes)
    steps = [frozenset(places[n : n + 16]) for n in range(0, 144, 16)]
    assert len(set(steps)) == 9


def test_the_adapter_holds_what_the_settings_say(text_plan, text_train, tmp_path, monkeypatch):
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    settings = {"rank": 4, "alpha": 3, "variant": "dora", "epochs": 1, "checkpointing": True}
    plan = text_plan(tmp_path / "run", "lora", settings=settings)
    find("lora").fit(plan, text_train, silent)
    about = json.loads((plan.artifact / "adapter" / "adapter_config.json").read_text())
    assert (about["r"], about["lora_alpha"], about["use_dora"]) == (4, 3, True)


def test_top_layers_alone_learn_and_the_rest_stays(text_plan, text_train, tmp_path, monkeypatch):
    from safetensors.torch import load_file

    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    settings = {"top_layers": 1, "epochs": 1, "learning_rate": 1e-3}
    plan = text_plan(tmp_path / "run", "full_sft", settings=settings)
    find("full_sft").fit(plan, text_train, silent)
    before = load_file(f"{plan.base_model}/model.safetensors")
    after = load_file(plan.artifact / "model" / "model.safetensors")
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved
    assert all(".layers.1." in name for name in moved)


class Killed(BaseException):
    """Stands for the moment a process is gone."""


@pytest.mark.parametrize(
    "approach",
    ["lora", "qlora", *(pytest.param(n, marks=pytest.mark.slow) for n in ("full_sft", "adapters"))],
)
def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    approach, text_plan, tmp_path, monkeypatch
):
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    rows = many(200)
    settings = {"epochs": 3, "learning_rate": 5e-3}
    whole = text_plan(tmp_path / "whole" / "run", approach, settings=settings)
    find(approach).fit(whole, rows, silent)
    torn = text_plan(tmp_path / "torn" / "run", approach, settings=settings)

    def die(progress):
        if progress.step >= 20 and "loss" in progress.values:
            raise Killed

    with pytest.raises(Killed):
        find(approach).fit(torn, rows, die)
    assert list((torn.folder / "checkpoints").glob("checkpoint-*"))
    news = []
    find(approach).fit(torn, rows, news.append)
    assert any(item.message.startswith("going on from checkpoint-") for item in news)
    (one,), (other,) = (list(plan.artifact.rglob("*.safetensors")) for plan in (whole, torn))
    assert one.read_bytes() == other.read_bytes()


def test_the_optimizer_in_eight_bits_learns_too(text_plan, text_train, tmp_path, monkeypatch):
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    settings = {"epochs": 6, "learning_rate": 2e-3, "optimizer": "adamw_8bit"}
    plan = text_plan(tmp_path / "run", "full_sft", settings=settings)
    news = []
    find("full_sft").fit(plan, text_train, news.append)
    losses = [item.values["loss"] for item in news if "loss" in item.values]
    assert losses[-1] < losses[0] * 0.8


def test_rows_that_are_measured_on_must_not_be_learned_from(text_train, text_evaluation):
    from runners import _guards

    _guards.no_evaluation_in_training(text_train, text_evaluation)
    same_question = text_train[0].model_copy(update={"target": "Another answer."})
    _guards.no_evaluation_in_training(text_train, [same_question])
    leaked = text_train[3].model_copy(update={"id": "leaked"})
    with pytest.raises(GuardError, match=r"evaluation_in_training: 1 rows .* such as 5 and leaked"):
        _guards.no_evaluation_in_training(text_train, [*text_evaluation, leaked])
    text = Row(id="prose", input="It was a dark night.")
    with pytest.raises(GuardError, match="evaluation_in_training"):
        _guards.no_evaluation_in_training([text], [Row(id="x", input="It was  a dark night. ")])


def test_where_memory_is_short_fewer_rows_go_through_at_once_and_it_is_said(
    text_plan, text_train, tmp_path, monkeypatch
):
    from runners import _forecast, _probe

    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    monkeypatch.setenv("WHICHTUNE_PROBE", "off")
    needed, weights, told = [], [], []
    arithmetic = _forecast.causal_bytes

    def spy(model, tokens, batch, **way):
        needed.append(arithmetic(model, tokens, batch, **way))
        return needed[-1]

    monkeypatch.setattr(_forecast, "causal_bytes", spy)
    for enough in (True, False):
        free = 10**12 if enough else max(needed)  # of which four fifths may be filled
        monkeypatch.setattr(_probe, "available_bytes", lambda free=free: free)
        settings = {"epochs": 1, "learning_rate": 1e-3}
        plan = text_plan(tmp_path / str(enough) / "run", "full_sft", settings=settings)
        news = []
        find("full_sft").fit(plan, text_train, news.append)
        model = reopened("full_sft", plan).model
        weights.append(model.model.layers[0].mlp.up_proj.weight.detach())
        told.append([item.message for item in news if "rows go through at once" in item.message])
    assert [len(messages) for messages in told] == [0, 1]
    assert re.match(r"\d+ of 16 rows go through at once", told[1][0])
    assert torch.allclose(*weights, atol=2e-4)


def test_the_probe_recomputes_activations_where_the_training_will(
    text_plan, text_train, tmp_path, monkeypatch
):
    from runners import _probe

    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    passes = {}

    def count(plan, work, report):
        del report
        layer = work.model.model.layers[0]
        seen = []
        handle = layer.self_attn.register_forward_hook(lambda *_: seen.append(1))
        work.model.train()
        work.step([0, 1]).backward()
        handle.remove()
        work.model.zero_grad()
        passes[plan.settings["checkpointing"]] = len(seen)

    monkeypatch.setattr(_probe, "forecast", count)
    monkeypatch.setenv("WHICHTUNE_PROBE", "on")
    for again in (False, True):
        settings = {"epochs": 1, "learning_rate": 1e-3, "checkpointing": again}
        plan = text_plan(tmp_path / str(again) / "run", "full_sft", settings=settings)
        find("full_sft").fit(plan, text_train, lambda _: None)
    assert passes == {False: 1, True: 2}
