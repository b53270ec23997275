"""SetFit: the encoder learns from pairs which texts belong together, then a head is fitted.

Few rows make many pairs, hence its strength at 8 to 64 rows per label (Tunstall et al. 2022, arXiv
2209.11055). The ``setfit`` library makes the pairs and trains on them; the head is ours, since
theirs is saved as a pickle, which can run code when it is opened.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt

from runners import _choose, _data, _encoder, _forecast, _head, _probe, _tune_encoder
from runners.base import Frozen, Plan, Progress, Report, Row, settings_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PAIRS = 3000
"""Pairs of each kind when nobody chose: about three minutes on two cores for a small encoder."""

TASKS = ("classification",)
LIBRARIES = ("setfit", "sentence_transformers", "sklearn", "datasets")


class Settings(Frozen):
    """The knobs of this approach."""

    iterations: Annotated[int, Ge(1)] | None = None
    """Like and unlike pairs made for each row; from the number of rows unless given."""
    learning_rate: Annotated[float, Gt(0)] = 2e-5
    """Of the encoder; what the setfit library proposes."""
    batch: Annotated[int, Ge(2)] = 16
    """Pairs per step."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Between 1 and the 20 iterations of the paper: about PAIRS pairs of each kind."""
    iterations = max(1, min(20, round(PAIRS / max(rows, 1))))
    reason = f"about {PAIRS:,} pairs of each kind from {rows:,} rows, 1 to 20 for each row"
    return {"iterations": (iterations, reason)}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Tune the encoder on pairs, then fit and calibrate the head on what it now says.

    Raises:
        DataError: Fewer than two labels.
    """
    began = time.perf_counter()
    settings = settings_of(Settings, plan.settings, plan.approach)
    labels = _data.labels_of(rows)
    texts, targets = [row.input for row in rows], [row.target for row in rows]
    encoder = _encoder.open_encoder(plan.base_model)

    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments
    from sklearn.linear_model import LogisticRegression

    model = SetFitModel(model_body=encoder, model_head=LogisticRegression(), labels=labels)
    iterations = settings.iterations or computed(len(rows))["iterations"][0]
    arguments = TrainingArguments(
        output_dir=str(plan.artifact),
        batch_size=settings.batch,
        num_epochs=1,
        num_iterations=iterations,
        body_learning_rate=settings.learning_rate,
        logging_steps=5,
        save_strategy="no",
        report_to="none",
        show_progress_bar=False,
        seed=plan.seed,
    )
    codes = [labels.index(target) for target in targets]
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"text": texts, "label": codes}),
        callbacks=[_tune_encoder.news_callback(plan, report)],
    )
    pairs = 2 * iterations * len(rows)
    report(Progress(message=f"{pairs:,} pairs from {len(rows):,} rows"))
    work = _pairs_work(encoder, texts, settings.batch, math.ceil(pairs / settings.batch), began)
    _probe.forecast(plan, work, report)
    trainer.train_embeddings(texts, codes, args=arguments)
    _fit_head(plan, encoder, texts, targets, report)
    encoder.save(str(plan.artifact / "encoder"), create_model_card=False)


def _pairs_work(
    encoder: "SentenceTransformer", texts: Sequence[str], batch: int, steps: int, began: float
) -> _probe.Work:
    """A step reads the two texts of each pair and compares their embeddings."""
    import torch

    lengths = _forecast.token_counts(encoder, texts)

    def step(places: Sequence[int]) -> torch.Tensor:
        features: Any = encoder.preprocess([texts[place] for place in places])
        tensors = {name: t.to(encoder.device) for name, t in features.items() if torch.is_tensor(t)}
        both = encoder(tensors)["sentence_embedding"].chunk(2)
        return (
            torch.nn.functional.cosine_similarity(both[0], both[-1][: len(both[0])]).square().mean()
        )

    return _probe.Work(
        began=began,
        lengths=lengths,
        batch=2 * batch,
        steps=steps,
        model=encoder,
        step=step,
        estimated_bytes=_forecast.estimated_bytes(encoder, lengths, 2 * batch, 1.0),
    )


def _fit_head(
    plan: Plan,
    encoder: "SentenceTransformer",
    texts: Sequence[str],
    targets: Sequence[str],
    report: Report,
) -> None:
    features = _encoder.encode(encoder, texts)
    candidates: list[tuple[_head.Family, float]] = [("logistic", 30.0), ("logistic", 3.0)]
    choice = _choose.choose(features, targets, candidates, plan.seed, report)
    head = _head.fit(choice.family, choice.strength, features, targets)
    _head.save(replace(head, temperature=choice.temperature), plan.artifact)


def load(folder: Path) -> "_tune_encoder.Tuned":
    """Open the tuned encoder with its head."""
    return _tune_encoder.Tuned(_encoder.open_encoder(str(folder / "encoder")), folder)
