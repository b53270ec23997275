"""Training a causal model on raw text: documents end to end, cut into blocks, every token learned.

The loop, the optimizer and the checkpoints are those of transformers. The learning rate rises over
the first steps, stays, and falls to zero over the last part: a run that was stopped while the rate
stays can be given other ``steps``, and is then the longer or shorter run from its start (Hägele et
al. 2024, arXiv 2405.18392). The order of the blocks depends on the seed alone.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rules.errors import DataError
from runners import _causal_lm, _checkpoints, _generation, _guards, _processes
from runners.base import Plan, Progress, Report, Row

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerBase

_WARM_UP = 100
"""Steps over which the learning rate rises; a tenth of them, where there are fewer than 1,000."""
_SAVE_EVERY = 100
"""Steps between checkpoints at the most; there are five at the least."""
_KEEP = 2
"""Checkpoints kept: should the last one be torn by a crash, the one before is there."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train; every field is resolved, none is a request."""

    steps: int
    batch: int
    """Blocks per step."""
    learning_rate: float
    decay: float = 0.3
    """Share of the steps over which the learning rate falls to zero."""
    compiled: bool = False
    """Whether the model is compiled first: half a minute, and a C++ compiler on the machine."""


@dataclass(frozen=True)
class Blocks:
    """Tokens to learn from ``(n, t)``, and some that only tell which checkpoint is the best."""

    train: "np.ndarray"
    held_back: "np.ndarray | None" = None


def blocks(rows: Iterable[Row], tokenizer: "PreTrainedTokenizerBase", size: int) -> "np.ndarray":
    """All rows end to end, each closed by the end token: ``(n, size)``, the last piece left out.

    Raises:
        DataError: The rows are shorter than one block together.
    """
    import numpy as np

    end = tokenizer.eos_token_id
    closing = [] if end is None else [end]
    parts: list[np.ndarray] = []
    for row in rows:
        ids = tokenizer(text_of(row), add_special_tokens=False, verbose=False)["input_ids"]
        parts.append(np.array(ids + closing, np.int32))
    tokens = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    count = len(tokens) // size
    if not count:
        what = f"{len(tokens):,} tokens in {len(parts):,} rows; one block takes {size:,}"
        raise DataError(what, where="training rows", fix="add text, or lower max_tokens")
    return tokens[: count * size].reshape(count, size)


def text_of(row: Row) -> str:
    """The text of a row: what it says, then what it answers, if it does."""
    return "\n".join(part for part in (row.input, row.target) if part)


def train(
    plan: Plan,
    model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
    data: "Blocks",
    schedule: Schedule,
    report: Report,
) -> None:
    """Train the model in place; go on where a killed run left off.

    Raises:
        GuardError: The loss is no number or next to none, or no weight moved.
    """
    import torch
    import transformers

    batch = shared_out(plan, schedule, len(data.train))
    if not torch.cuda.is_available():
        model.set_attn_implementation("eager")  # the fused one took half of the time of a step
    folder = plan.folder / _checkpoints.CHECKPOINTS
    trainer = transformers.Trainer(
        model=model,
        args=_arguments(folder, plan, data, replace(schedule, batch=batch)),
        train_dataset=data.train,  # type: ignore[arg-type]  # an array has a length and items
        eval_dataset=data.held_back,  # type: ignore[arg-type]
        data_collator=_collated,
        callbacks=[_guards.watch_loss(), _news(plan, batch * data.train.shape[1], report)],
    )
    trainer.remove_callback(transformers.PrinterCallback)  # the news say it already
    last = _checkpoints.last(plan.folder)
    if last:
        report(Progress(message=f"going on from {last.name}"))
    before = _guards.fingerprint(model)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    _processes.leave(plan)
    if plan.processes == 1 and trainer.state.global_step >= trainer.state.max_steps:
        _guards.something_changed(before, model)


def shared_out(plan: Plan, schedule: Schedule, count: int) -> int:
    """Blocks of a step, which the processes share among them: never more than there are.

    Raises:
        SettingError: They cannot be shared out evenly.
        DataError: Fewer blocks than processes.
    """
    _processes.check(plan, schedule.batch)
    batch = min(schedule.batch, count) // plan.processes * plan.processes
    if not batch:
        what = f"{count:,} blocks of text for {plan.processes} processes"
        raise DataError(what, where="training rows", fix="add text, or use fewer processes")
    return batch


def _arguments(folder: Path, plan: Plan, data: "Blocks", schedule: Schedule) -> Any:  # noqa: ANN401
    import torch
    import transformers

    watched = data.held_back is not None
    every = max(1, min(_SAVE_EVERY, schedule.steps // 5))
    warm_up = max(1, min(_WARM_UP, schedule.steps // 10))
    warm_up = min(warm_up, schedule.steps - 1)  # its rate is zero: of one step nothing would remain
    falling = max(1, min(round(schedule.steps * schedule.decay), schedule.steps - warm_up))
    share = schedule.batch // plan.processes
    return transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=schedule.steps,
        learning_rate=schedule.learning_rate,
        per_device_train_batch_size=share,
        dataloader_drop_last=True,  # one shape only, which is what a compiled model wants
        torch_compile=schedule.compiled,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": falling, "decay_type": "linear"},
        warmup_steps=warm_up,
        weight_decay=0.1,
        adam_beta1=0.9,
        # Small batches want a long memory: Marek et al. 2025, arXiv 2507.07101.
        adam_beta2=0.99,
        max_grad_norm=1.0,
        logging_steps=max(1, min(20, schedule.steps // 20)),
        logging_first_step=True,
        logging_nan_inf_filter=False,  # a loss that is no number must be seen
        save_strategy="steps",
        save_steps=every,
        save_total_limit=_KEEP,
        eval_strategy="steps" if watched else "no",
        eval_steps=every,
        per_device_eval_batch_size=share,
        load_best_model_at_end=watched,
        metric_for_best_model="eval_loss" if watched else None,
        bf16=has_bf16(),
        report_to="none",
        disable_tqdm=True,
        seed=plan.seed,
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
        **_processes.arguments(plan, cuda=torch.cuda.is_available()),
    )


def has_bf16() -> bool:
    """Whether bfloat16 is fast here: on a GPU that has it, or on a processor with AVX-512 BF16."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported())  # it has no public name


def reopen(folder: Path) -> "_generation.Writer":
    """A model that was saved whole, ready to go on with a text and to say how likely one is."""
    model, tokenizer = _causal_lm.open_model(str(folder))
    window = _generation.window_of(model.config)
    return _generation.Writer(model, tokenizer, _generation.room_for((), tokenizer, window))


def _collated(items: "Sequence[np.ndarray]") -> dict[str, Any]:
    import numpy as np
    import torch

    ids = torch.from_numpy(np.stack(items).astype(np.int64))
    return {"input_ids": ids, "labels": ids.clone()}


def _news(plan: Plan, tokens_per_step: int, report: Report) -> Any:  # noqa: ANN401 - a TrainerCallback
    """Turns the log of the trainer into news with its speed, and stops it when time is up."""
    from transformers import TrainerCallback

    class News(TrainerCallback):
        began = time.monotonic()
        mark = (0, began)
        """Step and time of the last news."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, control, more
            self.mark = state.global_step, time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, control
            logs = more.get("logs") or {}
            wanted = ("loss", "eval_loss", "learning_rate", "grad_norm")
            values = {key: float(logs[key]) for key in wanted if key in logs}
            at, of = state.global_step, state.max_steps
            if "loss" in values:
                (step, since), self.mark = self.mark, (at, time.monotonic())
                seconds = max(self.mark[1] - since, 1e-9)
                values["tokens_per_second"] = (at - step) * tokens_per_step / seconds
            if values:
                report(Progress(message="training", step=at, steps=of, values=values))

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, more
            limit = plan.max_minutes
            if limit and time.monotonic() - self.began > limit * 60:
                control.should_training_stop = True
                text = f"stopped at step {state.global_step} of {state.max_steps}"
                report(Progress(message=f"{text}: {limit:g} minutes are used up", warning=True))

    return News()
