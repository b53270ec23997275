"""Tuning an encoder end to end for classification, started from the fitted linear head.

The classification layer begins as the head that logistic regression finds on the frozen features
(LP-FT, Kumar et al. 2022, arXiv 2202.10054): from a random layer, the first steps would distort the
features before the layer points anywhere. The training loop is that of transformers.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import _data, _encoder, _head, _models, _probe
from runners import _forecast as _forecasts
from runners.base import Plan, Prediction, Progress, Report, Row

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

BATCH = 16
"""Rows per step: small enough to take a useful number of steps on a few hundred rows."""
ROWS_SEEN = 2000
"""On 770 rows of Banking77, 2 epochs measured the same as 4 (docs/log.md)."""
STRENGTH = 30.0
"""C of the logistic regression that starts the classification layer; see ``_choose.CANDIDATES``."""
WANTED = {
    **{name: name for name in ("loss", "learning_rate", "grad_norm", "embedding_loss")},
    **{name: name for name in ("eval_loss", "kl", "reward", "entropy")},
    "completions/mean_length": "answer_tokens",
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "reward_accuracy",
    "eval_rewards/margins": "eval_reward_margin",
    "eval_rewards/accuracies": "eval_reward_accuracy",
    "accuracy": "reward_accuracy",
    "eval_accuracy": "eval_reward_accuracy",
}
"""What is told of a trainer's log, and what it is called."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train; every field is resolved, none is a request."""

    epochs: float
    learning_rate: float
    batch: int = BATCH


def epochs_for(rows: int) -> tuple[int, str]:
    """Epochs when nobody chose, and why: small sets need more passes for as many steps."""
    epochs = max(1, min(10, round(ROWS_SEEN / max(rows, 1))))
    return epochs, f"about {ROWS_SEEN:,} rows are seen in all, each of {rows:,} 1 to 10 times"


def fit(
    plan: Plan,
    rows: Sequence[Row],
    schedule: Schedule,
    prepare: "Callable[[SentenceTransformer], None]",
    report: Report,
) -> "SentenceTransformer":
    """Train and write the classification layer; the caller writes what it changed of the encoder.

    Args:
        plan: Gives the base model, the seed, the time limit and the folder.
        rows: Training rows.
        schedule: Epochs, learning rate and batch.
        prepare: Chooses what of the encoder is trained: adds adapters, or freezes layers.
        report: Told the loss as it goes.

    Raises:
        DataError: Fewer than two labels.
    """
    began = time.perf_counter()
    labels = _data.labels_of(rows)
    texts, targets = [row.input for row in rows], [row.target for row in rows]
    names = [_data.words(label) for label in labels]
    features = _encoder.embed(plan.base_model, texts + names, report)
    head = _head.fit("logistic", STRENGTH, features, targets + labels)

    import transformers

    transformers.set_seed(plan.seed)  # before adapters are made, since they start at random
    encoder = _encoder.open_encoder(plan.base_model)
    prepare(encoder)
    model = classifier(encoder, head)
    codes = [labels.index(target) for target in targets]
    _forecast(plan, model, (texts, codes), schedule, began, report)
    _train(plan, model, texts, codes, schedule, report)
    _save_layer(plan, model, head)
    return encoder


def _forecast(
    plan: Plan,
    model: Any,  # noqa: ANN401 - EncoderClassifier, a class that exists only once torch is loaded
    data: tuple[Sequence[str], Sequence[int]],
    schedule: Schedule,
    began: float,
    report: Report,
) -> None:
    """Probe the model as it will be trained, and say what it will take."""
    texts, codes = data
    lengths = _forecasts.token_counts(model.encoder, texts)

    def step(places: Sequence[int]) -> "torch.Tensor":
        batch = _collated(model, [(texts[place], codes[place]) for place in places])
        device = model.layer.weight.device
        loss: torch.Tensor = model(**{name: t.to(device) for name, t in batch.items()})["loss"]
        return loss

    weights = list(model.parameters())
    learning = sum(w.numel() for w in weights if w.requires_grad) / sum(w.numel() for w in weights)
    work = _probe.Work(
        began=began,
        lengths=lengths,
        batch=schedule.batch,
        steps=math.ceil(schedule.epochs * math.ceil(len(texts) / schedule.batch)),
        model=model,
        step=step,
        estimated_bytes=_forecasts.estimated_bytes(
            model.encoder, lengths, schedule.batch, learning
        ),
    )
    _probe.forecast(plan, work, report)


def classifier(encoder: "SentenceTransformer", head: _head.Head) -> "torch.nn.Module":
    """The encoder with the head as its last layer, giving ``loss`` and ``logits (n, k)``."""
    import torch

    class EncoderClassifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            width = head.arrays["weights"].shape[1]
            self.layer = torch.nn.Linear(width, len(head.labels))
            with torch.no_grad():
                self.layer.weight.copy_(torch.from_numpy(head.arrays["weights"]))
                self.layer.bias.copy_(torch.from_numpy(head.arrays["bias"]))

        def forward(
            self, labels: "torch.Tensor | None" = None, **features: "torch.Tensor"
        ) -> dict[str, Any]:
            embedding = self.encoder(dict(features))["sentence_embedding"]
            # Normalised here too: not every encoder does it, and the head was fitted on unit rows.
            logits = self.layer(torch.nn.functional.normalize(embedding, dim=-1))
            loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
            return {"loss": loss, "logits": logits}

    return EncoderClassifier()


def _collated(model: Any, items: "Sequence[tuple[str, int]]") -> "dict[str, torch.Tensor]":  # noqa: ANN401
    """Texts with the codes of their labels as one batch, on the model's device."""
    import torch

    batch = model.encoder.preprocess([text for text, _ in items])
    tensors = {name: value for name, value in batch.items() if torch.is_tensor(value)}
    return {**tensors, "labels": torch.tensor([code for _, code in items])}


def _train(
    plan: Plan,
    model: Any,  # noqa: ANN401 - EncoderClassifier, a class that exists only once torch is loaded
    texts: Sequence[str],
    codes: Sequence[int],
    schedule: Schedule,
    report: Report,
) -> None:
    import torch
    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(plan.artifact),
        num_train_epochs=schedule.epochs,
        learning_rate=schedule.learning_rate,
        per_device_train_batch_size=schedule.batch,
        warmup_steps=0.1,
        weight_decay=0.01,
        logging_steps=5,
        logging_first_step=True,  # a small set may have fewer steps than that
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=plan.seed,
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=list(zip(texts, codes, strict=True)),  # type: ignore[arg-type]
        data_collator=lambda items: _collated(model, items),
        callbacks=[news_callback(plan, report)],
    )
    trainer.train()


def news_callback(plan: Plan, report: Report) -> Any:  # noqa: ANN401 - a TrainerCallback
    """Turns the log of a transformers trainer into news, and stops it when time is up."""
    from transformers import TrainerCallback

    began = time.monotonic()

    class News(TrainerCallback):
        mark = (0.0, began)
        """Tokens and time of the last news."""

        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, control
            logs = more.get("logs") or {}
            values = {WANTED[key]: float(value) for key, value in logs.items() if key in WANTED}
            if "num_tokens" in logs and "loss" in logs:  # TRL counts them
                now = (float(logs["num_tokens"]), time.monotonic())
                (tokens, since), self.mark = self.mark, now
                values["tokens_per_second"] = (now[0] - tokens) / max(now[1] - since, 1e-9)
            if values:
                report(
                    Progress(
                        message="training",
                        step=state.global_step,
                        steps=state.max_steps,
                        values=values,
                    )
                )

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, more
            limit = plan.max_minutes
            if limit and time.monotonic() - began > limit * 60 and not control.should_training_stop:
                control.should_training_stop = True
                text = (
                    f"stopped at step {state.global_step} of {state.max_steps}: {limit:g} minutes"
                )
                report(Progress(message=f"{text} are used up", warning=True))

    return News()


def _save_layer(plan: Plan, model: Any, head: _head.Head) -> None:  # noqa: ANN401
    import numpy as np

    arrays = {
        "weights": model.layer.weight.detach().cpu().numpy().astype(np.float64),
        "bias": model.layer.bias.detach().cpu().numpy().astype(np.float64),
    }
    _head.save(_head.Head("logistic", head.strength, head.labels, arrays), plan.artifact)
    about = {
        "base_model": plan.base_model,
        "fingerprint": _models.fingerprint(plan.base_model),
    }
    (plan.artifact / "base.json").write_text(json.dumps(about, indent=1), "utf-8")


def base_model_of(folder: Path) -> str:
    """The base model an artifact was made on, checked to be still the same."""
    about = json.loads((folder / "base.json").read_text("utf-8"))
    _models.require_same(about["base_model"], about["fingerprint"], folder)
    return about["base_model"]


class Tuned:
    """A tuned encoder with its classification layer."""

    def __init__(self, encoder: "SentenceTransformer", folder: Path) -> None:
        self.encoder = encoder
        self.head = _head.load(folder)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The most probable label of each row, with its probability."""
        features = _encoder.encode(self.encoder, [row.input for row in rows])
        return _head.predictions(self.head, features, rows)
