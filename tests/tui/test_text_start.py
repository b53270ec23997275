"""Texts of every kind are planned from the form; a run that trains shows its pace."""

import json

import pytest
from textual.widgets import Input, Static

from advisor import runs
from runners import _run_folder
from runners.base import Progress
from tui.messages import OpenStart, WatchRuns

CHAT = [{"role": "user", "content": "ask {n}"}, {"role": "assistant", "content": "say {n}"}]
KINDS = {
    "instruction": {"instruction": "name the door {n}", "output": "it is door {n}"},
    "chat": {"messages": CHAT},
    "raw": None,
}
SUPERVISED = ("lora", "qlora", "adapters", "full_sft", "zero_shot", "few_shot")


def write(kind, folder):
    if KINDS[kind] is None:
        path = folder / "book.txt"
        path.write_text("\n\n".join(f"Chapter {n} tells of the sea. " * 20 for n in range(30)))
        return path
    path = folder / f"{kind}.jsonl"
    lines = (json.dumps(KINDS[kind]).replace("{n}", str(n)) for n in range(40))
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("kind", "approaches"),
    [
        ("instruction", SUPERVISED),
        ("chat", SUPERVISED),
        ("raw", ("continued_pretraining", "pretraining")),
    ],
)
async def test_a_file_of_texts_is_planned_for_every_approach_that_learns_it(
    kind, approaches, app, settle, says, monkeypatch, tmp_path
):
    started = []
    monkeypatch.setattr(runs, "start", lambda *plans: started.extend(plans))
    async with app.run_test(size=(100, 50)) as pilot:
        pilot.app.post_message(OpenStart(approaches))
        await settle(pilot)
        pilot.app.screen.query_one("#data", Input).value = str(write(kind, tmp_path))
        if kind == "raw":  # one book is one text: what to measure on is another file
            (tmp_path / "more.txt").write_text("The sea was calm on that day. " * 40)
            pilot.app.screen.query_one("#evaluation", Input).value = str(tmp_path / "more.txt")
        await pilot.press("enter")
        await settle(pilot)
        assert [plan.approach for plan in started] == list(approaches), says(pilot, "#error")
        tasks = {plan.task for plan in started}
        assert tasks <= (
            {"domain_knowledge", "new_language"}
            if kind == "raw"
            else {"generation", "instruction_following"}
        )


async def test_a_training_shows_its_speed_its_memory_and_what_is_left(
    app, settle, new_plan, monkeypatch
):
    plan = new_plan(app.folder, "lora")
    own = _run_folder.own_process()
    _run_folder.append_event(plan.folder, state="running", **own)
    for step, values in ((1, {}), (50, {"tokens_per_second": 1234.0, "memory_gib": 2.5})):
        values = {"loss": 3.0 - step / 50, **values}
        news = Progress(message="training", step=step, steps=100, values=values)
        _run_folder.append_event(plan.folder, progress=news)
    async with app.run_test(size=(100, 40)) as pilot:
        pilot.app.post_message(WatchRuns((plan.folder,)))
        await settle(pilot)
        bar = app.screen.query_one("#bar", Static)
        shown = str(bar.render())
        assert "step 50 of 100" in shown
        assert " left, 1,234 tokens/s, 2.5 GiB" in shown
        assert bar.region.height == 2
