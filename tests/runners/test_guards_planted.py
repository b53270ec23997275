"""Every guard, on a fault planted in a real run that would have ended green without it."""

import shutil
import signal
from pathlib import Path
from typing import get_args

import pytest

from runners import _guards, _render, _render_guards, _worker
from runners._run_folder import status, write_plan

QUICK = {"epochs": 1, "learning_rate": 1e-4}
GUARDS = {
    "evaluation_in_training": "no_evaluation_in_training",
    "vocabulary_too_large": "words_fit",
    "base_ignored": "base_used",
    "loss_not_finite": "finite",
    "loss_near_zero": "something_to_learn",
    "nothing_changed": "something_changed",
    "never_ends": "ends",
}
"""The function behind each code that is not about a rendered row."""


@pytest.fixture
def switch_off(monkeypatch):
    """Switch off the guard of a code, and no other."""

    def off(code):
        if code in GUARDS:
            monkeypatch.setattr(_guards, GUARDS[code], lambda *more: None)
        else:
            passed = _render_guards.WARNINGS | {code}
            monkeypatch.setattr(_render_guards, "WARNINGS", passed)

    return off


@pytest.fixture
def carry_out(text_plan, tmp_path):
    """Carry a plan out as its child process does; get how its folder says that it ended."""
    before = signal.getsignal(signal.SIGTERM)

    def go(name, **fields):
        known = {"approach": "full_sft", "settings": QUICK} | fields
        plan = text_plan(tmp_path / name / "run", **known)
        write_plan(plan)
        _worker.main(plan.folder)
        return status(plan.folder)

    yield go
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def planted(writer_model, text_train, text_evaluation, tmp_path, monkeypatch):
    """The fields of a plan in which the fault of a code is planted."""
    places = Places(Path(writer_model), text_train, text_evaluation, tmp_path, monkeypatch)

    def plant(code):
        return getattr(places, code)()

    return plant


class Places:
    """Where each fault is planted."""

    def __init__(self, model, train, evaluation, folder, monkeypatch):
        self.model, self.train, self.evaluation = model, train, evaluation
        self.folder, self.monkeypatch = folder, monkeypatch

    def copy(self):
        return shutil.copytree(self.model, self.folder / "base")

    def template(self, old, new):
        base = self.copy()
        path = base / "chat_template.jinja"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        return {"base_model": str(base)}

    def all_masked(self):
        asked = [
            row.model_copy(
                update={
                    "input": "",
                    "target": "",
                    "messages": ({"role": "user", "content": row.input},),
                }
            )
            for row in self.train
        ]
        return {"train": asked, "task": "instruction_following"}

    def all_cut(self):
        long = [row.model_copy(update={"input": f"{row.input} " * 3}) for row in self.train]
        return {"train": long, "settings": QUICK | {"max_tokens": 8}}

    def no_end_of_sequence(self):
        return self.template("message.content ~ eos_token", "message.content")

    def template_mismatch(self):
        return self.template("{%- if add_generation_prompt -%}", MARK)

    def evaluation_in_training(self):
        leaked = self.evaluation[0].model_copy(update={"id": "leaked"})
        return {"train": [*self.train, leaked]}

    def vocabulary_too_large(self):
        from transformers import AutoModelForCausalLM

        base = self.copy()
        model = AutoModelForCausalLM.from_pretrained(base)
        model.resize_token_embeddings(300)
        model.save_pretrained(base)
        return {"base_model": str(base)}

    def base_ignored(self):
        from safetensors.torch import load_file, save_file

        base = self.copy()
        path = base / "model.safetensors"
        weights = load_file(path)
        weights["other.weight"] = weights.pop("model.layers.1.mlp.down_proj.weight")
        save_file(weights, path, {"format": "pt"})
        return {"base_model": str(base)}

    def loss_not_finite(self):
        return {"settings": {"epochs": 3, "learning_rate": 1e30}}

    def loss_near_zero(self):
        base = self.copy()
        learn(base, self.train, until=2e-4)
        return {"base_model": str(base)}

    def nothing_changed(self):
        return {"settings": QUICK | {"learning_rate": 1e-30}}

    def never_ends(self):
        def without_end(rendered):
            pairs = zip(rendered.ids, rendered.learned, strict=True)
            labels = [id_ if learned else -100 for id_, learned in pairs]
            return [-100 if n in rendered.ends else label for n, label in enumerate(labels)]

        self.monkeypatch.setattr(_render.Rendered, "labels", property(without_end))
        return {"settings": {"epochs": 8, "learning_rate": 5e-3}}


MARK = "{%- if add_generation_prompt -%}{{- '<|user|>' -}}"


def learn(folder, rows, until):
    """Teach a model these rows until it knows them by heart."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rendered = [_render.render(row, tokenizer) for row in rows]
    longest = max(len(row.ids) for row in rendered)
    ids = torch.tensor([[*row.ids, *[0] * (longest - len(row.ids))] for row in rendered])
    labels = torch.tensor([[*row.labels, *[-100] * (longest - len(row.ids))] for row in rendered])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(400):
        optimizer.zero_grad()
        loss = model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss
        if float(loss.detach()) < until:
            break
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)


BEHIND = {
    "all_masked": ("loss_not_finite", "loss_near_zero", "nothing_changed", "never_ends"),
    "all_cut": ("loss_not_finite", "loss_near_zero", "nothing_changed", "never_ends"),
    "loss_not_finite": ("never_ends",),
}
"""Guards that catch the same fault later, and have to be off too, to see what would have been."""
RENDERED = ("all_masked", "all_cut", "no_end_of_sequence", "template_mismatch")
DIES = {"vocabulary_too_large": "failed", "loss_not_finite": "died"}
"""Those without which a run does not end green: torch refuses an index; no number is no result."""


def test_a_fault_is_planted_for_every_code():
    assert set(GUARDS) == set(get_args(_guards.Code))
    assert set(RENDERED) < set(get_args(_render_guards.Code))


@pytest.mark.slow
@pytest.mark.parametrize("code", [*RENDERED, *(code for code in GUARDS if code not in DIES)])
def test_a_fault_fails_the_run_and_without_its_guard_the_run_ends_green(
    code, planted, carry_out, switch_off
):
    fields = planted(code)
    ended = carry_out("guarded", **fields)
    assert ended.state == "failed"
    assert ended.last.error["what"].startswith(f"{code}: ")
    assert ended.last.error["fix"]
    for unguarded in (code, *BEHIND.get(code, ())):
        switch_off(unguarded)
    assert carry_out("unguarded", **fields).state == "done"


@pytest.mark.slow
@pytest.mark.parametrize("code", DIES)
def test_a_fault_fails_the_run_and_without_its_guard_nobody_says_what_to_do(
    code, planted, carry_out, switch_off
):
    fields = planted(code)
    ended = carry_out("guarded", **fields)
    assert ended.state == "failed"
    assert ended.last.error["what"].startswith(f"{code}: ")
    for unguarded in (code, *BEHIND.get(code, ())):
        switch_off(unguarded)
    ended = carry_out("unguarded", **fields)
    assert ended.state == DIES[code]
    said = ended.last.error  # torch's own words, or none at all
    assert said is None or said["fix"].startswith("read the end of the log")


@pytest.mark.parametrize(
    ("loss", "step", "what"),
    [(9e-4, 1, "before anything is learned"), (0.0, 7, "at step 7"), (9e-8, 300, "at step 300")],
)
def test_a_loss_that_teaches_nothing_is_refused(loss, step, what):
    with pytest.raises(_guards.GuardError, match=f"loss_near_zero: .*{what}"):
        _guards.something_to_learn(loss, step)


@pytest.mark.parametrize(("loss", "step"), [(1e-3, 1), (2e-7, 2), (1e-4, 100), (3.0, 1)])
def test_a_small_loss_is_what_training_is_for(loss, step):
    _guards.something_to_learn(loss, step)
