"""Writing answers with a causal model: greedy, in batches of like length, up to its own end.

An answer can also be drawn, token by token as likely as the model finds it: two of the same model
are then two answers to choose from. The seed decides, together with what stands in the batch.

Prompts come from ``_render`` alone, so that a model is asked as it was trained. Examples, where an
approach shows some, are earlier turns of the same chat; for a model without a chat template they
are paragraphs before the question.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runners import _causal_lm, _models, _render, _write_bits
from runners._references import is_text_alone, question, reference
from runners._render_text import chat_template
from runners._render_tokenizer import end_ids, open_tokenizer
from runners.base import Bits, Plan, Prediction, Row

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

ABOUT = "generation.json"
Shots = Sequence[tuple[str, str]]
"""Questions with their answers, the nearest last."""
_ROWS = 32
_CELLS = 64 * 2048
"""Tokens in a batch, prompt and answer together, so that kept keys and values stay small."""
_BREAK = "\n\n"


class Written(NamedTuple):
    """An answer as it came."""

    text: str
    tokens: int
    cut: bool


class Sampling(NamedTuple):
    """How answers are drawn instead of taking the likeliest token each time."""

    temperature: float
    """1: as the model has it; below, the likelier tokens gain; above, the others do."""
    seed: int


def room_for(rows: Sequence[Row], tokenizer: "PreTrainedTokenizerBase", window: int) -> int:
    """Tokens an answer may have: a quarter more than the longest one that was learned from."""
    said = [reference(row) for row in rows if not is_text_alone(row)]
    if not said:
        return min(64, window // 2)
    counts = [len(ids) for ids in tokenizer(said, add_special_tokens=False)["input_ids"]]
    return min(math.ceil(max(counts) * 1.25) + 8, window // 2)


def window_of(config: "PreTrainedConfig") -> int:
    """Tokens the model can read at once."""
    return getattr(config.get_text_config(), "max_position_embeddings", None) or 2048


def prepare(plan: Plan, rows: Sequence[Row], instruction: str = "") -> None:
    """Write down how the untouched model is to be asked; the rows tell how long answers are.

    Raises:
        UserError: The base model writes no text, or is not there.
    """
    if plan.endpoint:
        from runners import _api_writer  # it is a writer too, and imports this module

        _api_writer.prepare(plan, rows, instruction)
        return
    _causal_lm.require_causal(plan.base_model)
    from transformers import AutoConfig

    tokenizer = open_tokenizer(plan.base_model)
    config = AutoConfig.from_pretrained(_models.locate(plan.base_model), trust_remote_code=False)
    save(plan, room_for(rows, tokenizer, window_of(config)), instruction)


def load(folder: Path) -> "Writer":
    """Open the untouched base model, to be asked as :func:`prepare` wrote down."""
    known = about(folder)
    if known.get("endpoint"):
        from runners import _api_writer

        return _api_writer.ApiWriter(known)
    model, tokenizer = _causal_lm.open_model(known["base_model"])
    return Writer(model, tokenizer, known["max_new_tokens"], known["instruction"])


def save(plan: Plan, max_new_tokens: int, instruction: str = "") -> None:
    """Write down what it takes to ask the model in the same way again."""
    about = {
        "base_model": plan.base_model,
        "fingerprint": _models.fingerprint(plan.base_model),
        "max_new_tokens": max_new_tokens,
        "instruction": instruction,
    }
    plan.artifact.mkdir(parents=True, exist_ok=True)
    (plan.artifact / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")


def read(folder: Path) -> dict[str, Any]:
    """What :func:`save` wrote."""
    return json.loads((folder / ABOUT).read_text("utf-8"))


def about(folder: Path) -> dict[str, Any]:
    """The same, checked to be of the base model as it is now.

    Raises:
        UserError: The files behind the name have changed.
    """
    found = read(folder)
    _models.require_same(found["base_model"], found["fingerprint"], folder)
    return found


def writes(folder: Path) -> bool:
    """Whether the artifact is of an approach that was fitted to write."""
    return (folder / ABOUT).is_file()


def writer_of(predictor: object) -> "Writer | None":
    """The causal model behind a predictor that answers in its own words; else nothing."""
    found = predictor if isinstance(predictor, Writer) else getattr(predictor, "writer", None)
    return found if isinstance(found, Writer) else None


class Writer:
    """A causal model that answers in its own words."""

    sampling: Sampling | None = None
    """Unless it is set, the likeliest token is taken each time."""

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        max_new_tokens: int,
        instruction: str = "",
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.max_new_tokens, self.instruction = max_new_tokens, instruction
        self.prompt_tokens = window_of(model.config) - max_new_tokens
        self.chats = chat_template(tokenizer) is not None

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The answer to each row."""
        return self.answer(rows, [()] * len(rows))

    def bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, or of the text of a row that is only a text."""
        return self.bits_after(rows, [()] * len(rows))

    def answer(self, rows: Sequence[Row], shots: Sequence[Shots]) -> list[Prediction]:
        """The answer to each row, after the examples it is shown."""
        prompts = [
            self.fitting(question(row), list(few)) for row, few in zip(rows, shots, strict=True)
        ]
        stops = any(shots) and not self.chats
        return [
            Prediction(
                id=row.id,
                prediction=said.text,
                tokens=len(prompt) + said.tokens,
                written_tokens=said.tokens,
                cut=said.cut,
            )
            for row, prompt, said in zip(
                rows, prompts, self.write(prompts, stops=stops), strict=True
            )
        ]

    def bits_after(self, rows: Sequence[Row], shots: Sequence[Shots]) -> list[Bits]:
        """Bits of each row's target, after the examples it is shown."""
        rendered = [
            _render.render(
                row if is_text_alone(row) else self.framed(row, list(few)), self.tokenizer
            )
            for row, few in zip(rows, shots, strict=True)
        ]
        sizes = [
            len((row.input if is_text_alone(row) else reference(row)).encode()) for row in rows
        ]
        found = _write_bits.bits(self.model, rendered, window_of(self.model.config))
        return [Bits(bits, size) for bits, size in zip(found, sizes, strict=True)]

    def framed(self, row: Row, shots: list[tuple[str, str]]) -> Row:
        """The row as a question, with the instruction and the examples before it.

        A question without an answer looks like a text alone, which no chat template would be put
        around; as a turn it is asked in the way it was learned.
        """
        if self.chats:
            return self._as_turns(row, shots)
        parts = [self.instruction] * bool(self.instruction)
        parts += [f"{asked}\n{said}" for asked, said in shots]
        asked = f"{row.input}\n" if shots else row.input
        return row.model_copy(update={"input": _BREAK.join([*parts, asked])})

    def _as_turns(self, row: Row, shots: list[tuple[str, str]]) -> Row:
        own = list(row.messages) or [{"role": "user", "content": row.input}]
        before = own[:1] if own[0]["role"] == "system" else []
        if self.instruction:
            before = [{"role": "system", "content": self.instruction}]
        own = own[1:] if own[0]["role"] == "system" else own
        for asked, said in shots:
            before += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        return row.model_copy(update={"messages": (*before, *own), "input": ""})

    def count(self, row: Row, shots: Shots = ()) -> int:
        """Tokens of the prompt of a row, as it is."""
        return len(_render.prompt(self.framed(row, list(shots)), self.tokenizer)[1])

    def fitting(self, row: Row, shots: list[tuple[str, str]]) -> list[int]:
        """Tokens of the prompt; the farthest examples go first, then the end of the text."""
        while True:
            _, ids = _render.prompt(self.framed(row, shots), self.tokenizer)
            if len(ids) <= self.prompt_tokens:
                return list(ids)
            if shots:
                shots = shots[1:]
            elif row.input:
                keep = len(row.input) * self.prompt_tokens // len(ids)
                row = row.model_copy(update={"input": row.input[:keep]})
            else:
                return list(ids[-self.prompt_tokens :])

    def write(self, prompts: Sequence[Sequence[int]], *, stops: bool = False) -> list[Written]:
        """Go on from each prompt until the model ends it; ``stops``: or begins a new paragraph."""
        found: dict[int, Written] = {}
        if self.sampling:
            from transformers import set_seed

            set_seed(self.sampling.seed)
        order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
        while order:
            width = len(prompts[order[0]]) + self.max_new_tokens
            size = max(1, min(_ROWS, _CELLS // width))
            batch, order = order[:size], order[size:]
            found.update(zip(batch, self._batch([prompts[n] for n in batch], stops), strict=True))
        return [found[place] for place in range(len(prompts))]

    def _batch(self, prompts: list[Sequence[int]], stops: bool) -> list[Written]:
        import torch
        from transformers import GenerationConfig

        ends = end_ids(self.tokenizer)
        filler = self.tokenizer.pad_token_id
        filler = min(ends, default=0) if filler is None else filler
        longest = max(map(len, prompts))
        gaps = [longest - len(prompt) for prompt in prompts]
        ids = [[filler] * gap + list(ids) for gap, ids in zip(gaps, prompts, strict=True)]
        mask = [[0] * gap + [1] * (longest - gap) for gap in gaps]
        more: dict[str, Any] = {"stop_strings": [_BREAK]} if stops else {}
        if self.sampling:  # from all tokens: no other cut than the temperature
            more |= {"temperature": self.sampling.temperature, "top_k": 0, "top_p": 1.0}
        settings = GenerationConfig(
            max_new_tokens=self.max_new_tokens,
            do_sample=self.sampling is not None,
            eos_token_id=sorted(ends) or None,
            pad_token_id=filler,
            **more,
        )
        model: Any = self.model
        with torch.inference_mode():
            out = model.generate(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                generation_config=settings,
                tokenizer=self.tokenizer,
            )
        return [self._written(line, ends, stops) for line in out[:, longest:].tolist()]

    def _written(self, ids: list[int], ends: frozenset[int], stops: bool) -> Written:
        end = next((n for n, id_ in enumerate(ids) if id_ in ends), None)
        kept = ids if end is None else ids[:end]
        text = str(self.tokenizer.decode(kept, skip_special_tokens=True))
        if stops and _BREAK in text:
            text, _, _ = text.partition(_BREAK)
            return Written(text.strip(), len(kept), cut=False)
        return Written(text.strip(), len(kept), cut=end is None)
