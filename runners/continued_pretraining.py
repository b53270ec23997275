"""Continued pretraining: a causal model reads on, in raw text of a domain or a language.

The rows are laid end to end and cut into blocks, and every token is learned (Gururangan et al.
2020, arXiv 2004.10964). All weights learn, or LoRA matrices beside them. A share of general text
can be mixed in, so that less of what the model knew is forgotten. Some blocks are held back; the
checkpoint that knows them best is kept. The order of the text is random, and follows from the seed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt, Interval

from rules.errors import SettingError
from runners import _bits, _causal_lm, _generation, _guards, _peft, _raw_text, _replay
from runners.base import Frozen, Plan, Predictor, Progress, Report, Row, settings_of

if TYPE_CHECKING:
    from numpy import ndarray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TASKS = ("domain_knowledge", "new_language")
LIBRARIES = ("torch", "transformers", "accelerate", "peft", "safetensors")
SHARES_STEPS = True
FORGETS_LESS_WITH = (
    "general text mixed in (--setting replay=0.25 --setting replay_file=FILE), "
    "a lower learning rate (--setting learning_rate=), or "
    "fewer epochs (--setting epochs=)"
)
_ADAPTER = "adapter"
_HELD_BACK = 50
"""One block in so many is held back."""
_RATES = ((50_000_000, 1e-3), (1_000_000_000, 1e-4))
"""Learning rate of all weights, for models up to so many parameters; larger ones take 2e-5."""


class Settings(Frozen):
    """The knobs of this approach."""

    rank: Annotated[int, Ge(1)] | None = None
    """Train LoRA matrices of this width only; all weights learn unless given."""
    replay: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """Share of general text among what is read, against forgetting."""
    replay_file: str = ""
    """The general text: a file of plain text, packed with xz or not."""
    max_tokens: Annotated[int, Ge(8)] | None = None
    """Length of a block; what the model can read, and 2,048 at the most, unless given."""
    epochs: Annotated[float, Gt(0)] = 2.0
    """Passes over the text of the domain."""
    batch: Annotated[int, Ge(1)] = 8
    """Blocks per step."""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """At its highest; from the size of the model unless given, and ten times that for LoRA."""
    decay: Annotated[float, Interval(ge=0, le=1)] = 0.5
    """Share of the steps over which the learning rate falls to zero."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows; lengths of texts decide, and they differ widely."""
    del rows
    return {}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Read on; save the whole model, or the LoRA matrices alone.

    Raises:
        DataError: Less text than two blocks, or no general text where there should be some.
        SettingError: A share of general text without a file, or more tokens than the model reads.
        UserError: The base model gives no next token.
        GuardError: It would learn nothing of use, or it has not.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    if settings.replay and not settings.replay_file:
        fix = "add --setting replay_file=FILE, a text like those the model was pretrained on"
        raise SettingError(f"replay={settings.replay:g} of no text", where="--setting", fix=fix)
    _causal_lm.require_causal(plan.base_model)
    import transformers

    transformers.set_seed(plan.seed)  # before matrices are made, since they start at random
    model, tokenizer = _causal_lm.open_model(plan.base_model)
    size = _size(model, settings)
    data = _blocks(plan, rows, tokenizer, settings, size)
    _guards.words_fit(model, tokenizer, [[int(data.train.max())]])
    steps = max(1, len(data.train) // settings.batch)
    rate, why = _rate(model, settings)
    report(Progress(message=f"learning rate {rate:g}: {why}"))
    report(Progress(message=f"{data.train.size:,} tokens to be read", steps=steps))
    schedule = _raw_text.Schedule(
        steps=steps,
        batch=settings.batch,
        learning_rate=rate,
        decay=settings.decay,
    )
    learning: Any = model.float()  # moments and small steps are lost in half precision
    if settings.rank:
        learning = _peft.add(learning, _peft.Added(settings.rank, 2 * settings.rank, 0.0))
    _raw_text.train(plan, learning, data, schedule, report)
    _save(plan, learning, tokenizer, settings)


def _size(model: "PreTrainedModel", settings: Settings) -> int:
    window = _generation.window_of(model.config)
    if settings.max_tokens and settings.max_tokens > window:
        what = f"max_tokens={settings.max_tokens}, but the model reads {window:,} tokens"
        fix = f"use --setting max_tokens={window} or less"
        raise SettingError(what, where="--setting", fix=fix)
    return settings.max_tokens or min(window, _bits.LONGEST)


def _blocks(
    plan: Plan,
    rows: Sequence[Row],
    tokenizer: "PreTrainedTokenizerBase",
    settings: Settings,
    size: int,
) -> _raw_text.Blocks:
    """All that is to be read, the text of the domain as often as there are epochs."""
    import numpy as np

    domain = _raw_text.blocks(rows, tokenizer, size)
    held_back: ndarray | None = None
    if len(domain) >= 2 * _HELD_BACK:
        every = np.arange(len(domain)) % _HELD_BACK == _HELD_BACK - 1
        domain, held_back = domain[~every], domain[every]
    count = max(1, round(settings.epochs * len(domain)))
    read = np.resize(domain, (count, size))  # goes on from the beginning where it ends
    if settings.replay:
        more = max(1, round(count * settings.replay / (1 - settings.replay)))
        path = Path(settings.replay_file)
        read = np.concatenate([read, _replay.pieces(path, tokenizer, size, more, plan.seed)])
    return _raw_text.Blocks(read, held_back)


def _rate(model: "PreTrainedModel", settings: Settings) -> tuple[float, str]:
    """The learning rate, and why."""
    if settings.learning_rate:
        return settings.learning_rate, "as it was set"
    parameters = model.num_parameters()
    rate = next((rate for most, rate in _RATES if parameters <= most), 2e-5)
    why = f"for {parameters:,} parameters"
    return (10 * rate, f"{why}, ten times that of all weights") if settings.rank else (rate, why)


def _save(
    plan: Plan,
    model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
    tokenizer: "PreTrainedTokenizerBase",
    settings: Settings,
) -> None:
    if settings.rank:
        window = _generation.window_of(model.config)
        _generation.save(plan, _generation.room_for((), tokenizer, window))
        model.save_pretrained(plan.artifact / _ADAPTER)
    else:
        model.save_pretrained(plan.artifact)
        tokenizer.save_pretrained(plan.artifact)


def load(folder: Path) -> Predictor:
    """Open the model, or put the matrices back on their base model."""
    if not (folder / _ADAPTER).is_dir():
        return _raw_text.reopen(folder)
    known = _generation.about(folder)
    model, tokenizer = _causal_lm.open_model(known["base_model"])
    tuned = _peft.put_on(model, folder / _ADAPTER).eval()
    return _generation.Writer(tuned, tokenizer, known["max_new_tokens"])
