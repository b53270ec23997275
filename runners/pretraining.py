"""Pretraining from scratch: a small Llama-shaped model learns to go on with raw text.

The tokenizer is that of the base model, or one that is learned from the text; no weights are taken
over. Worth it only where no model knows the language or the notation, and text is plentiful. The
initial weights and the order of the text are random, and follow from the seed. The shape is Llama's
(Touvron et al. 2023, arXiv 2302.13971), with one table for tokens that go in and that come out.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt, Interval

from rules.errors import SettingError
from runners import _processes, _raw_text, _render_tokenizer
from runners.base import Frozen, Plan, Predictor, Progress, Report, Row, settings_of
from runners.bundled import make_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TASKS = ("domain_knowledge", "new_language")
LIBRARIES = ("torch", "transformers", "accelerate", "safetensors")
NEW_WEIGHTS = True
SHARES_STEPS = True


class Settings(Frozen):
    """The knobs of this approach."""

    hidden_size: Annotated[int, Ge(8)] = 256
    """Numbers that stand for a token inside the model."""
    layers: Annotated[int, Ge(1)] = 4
    """Transformer layers, each with attention and a network of 8/3 of the hidden size."""
    heads: Annotated[int, Ge(1)] = 4
    """Attention heads, which share the hidden size among them."""
    max_tokens: Annotated[int, Ge(8)] = 512
    """Length of a block of text, and the farthest the model can look back."""
    steps: Annotated[int, Ge(1)] | None = None
    """Optimizer steps; about one pass over the text unless given."""
    batch: Annotated[int, Ge(1)] = 8
    """Blocks per step."""
    learning_rate: Annotated[float, Gt(0)] = 2.5e-3
    """At its highest."""
    decay: Annotated[float, Interval(ge=0, le=1)] = 0.3
    """Share of the steps over which the learning rate falls to zero."""
    vocabulary: Annotated[int, Ge(300)] | None = None
    """Learn a tokenizer of so many tokens from the text; that of the base model unless given."""
    compiled: bool = False
    """Compile the model first: half a minute and a C++ compiler, then a third faster steps."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows; the steps follow from the length of the text."""
    del rows
    return {}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Train a new model and save it whole, as safetensors with its tokenizer.

    Raises:
        DataError: Less text than one block.
        SettingError: The heads cannot share the hidden size evenly.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    tokenizer = _tokenizer(plan, rows, settings, report)
    report(Progress(message="reading the text"))
    data = _raw_text.blocks(rows, tokenizer, settings.max_tokens)
    model = new_model(settings, tokenizer, plan.seed)
    steps = settings.steps or max(1, len(data) // settings.batch)
    parameters = sum(weight.numel() for weight in model.parameters())
    seen = steps * settings.batch * settings.max_tokens
    text = f"{parameters:,} parameters, {data.size:,} tokens of text, {seen:,} to be seen"
    report(Progress(message=text, steps=steps))
    schedule = _raw_text.Schedule(
        steps=steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        decay=settings.decay,
        compiled=settings.compiled,
    )
    _raw_text.train(plan, model, _raw_text.Blocks(data), schedule, report)
    model.config.use_cache = True
    model.save_pretrained(plan.artifact)
    tokenizer.save_pretrained(plan.artifact)


def _tokenizer(
    plan: Plan, rows: Sequence[Row], settings: Settings, report: Report
) -> "PreTrainedTokenizerBase":
    """That of the base model, or one learned from the rows; a resumed run learns the same again."""
    if settings.vocabulary is None:
        return _render_tokenizer.open_tokenizer(plan.base_model)
    if not _processes.rank():
        report(Progress(message="learning a vocabulary"))
        learned = make_tokenizer.learn(map(_raw_text.text_of, rows), settings.vocabulary)
        make_tokenizer.save(learned, plan.artifact)
        template = "chat_template.jinja"
        shutil.copyfile(_render_tokenizer.FOLDER / template, plan.artifact / template)
    _processes.agreed(plan, value=True)  # the others wait for it
    return _render_tokenizer.open_tokenizer(str(plan.artifact))


def new_model(
    settings: Settings,
    tokenizer: Any,  # noqa: ANN401 - its ids are typed as any of many things
    seed: int,
) -> "PreTrainedModel":
    """A Llama of this shape with random weights.

    Raises:
        SettingError: The heads cannot share the hidden size evenly.
    """
    if settings.hidden_size % (2 * settings.heads):
        what = f"hidden_size={settings.hidden_size} is no even multiple of heads={settings.heads}"
        fix = f"use --setting hidden_size={64 * settings.heads}"
        raise SettingError(what, where="--setting", fix=fix)
    import transformers

    transformers.set_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=-(-settings.hidden_size * 8 // 3 // 64) * 64,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=settings.max_tokens,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=False,
    )
    return transformers.LlamaForCausalLM(config)


def load(folder: Path) -> Predictor:
    """Open the model, which goes on with a text and says how likely one is."""
    return _raw_text.reopen(folder)
