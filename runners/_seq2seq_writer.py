"""Encoder-decoders such as T5 and M2M100: a text goes in, another one comes out, greedily.

The whole chat before an answer is one text to them; no template is put around it. A model of many
languages is told which one to write by its first token, as its own files say: in ``src_lang`` and
``tgt_lang`` of the tokenizer, or ``forced_bos_token_id`` of ``generation_config.json``.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rules.errors import DataError, UserError
from runners import _generation, _guards, _models, _opening
from runners._references import is_text_alone, question, reference
from runners.base import Bits, Plan, Prediction, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WINDOW = 512
"""Tokens of a model that names no limit: T5 counts distances, not places."""
_ROWS = 16
_IGNORED = -100


class Encoded(NamedTuple):
    """A row as the tokens that go in, and those that are to come out."""

    ids: list[int]
    labels: list[int]
    counted: list[bool]
    """Which labels are text: not the end, and no sign of a language."""
    cut: bool


def open_model(base_model: str) -> "tuple[Any, PreTrainedTokenizerBase]":
    """Open an encoder-decoder for inference, on the GPU when there is one.

    Raises:
        UserError: The folder does not hold a model that transformers can open, or a model of many
            languages does not say which one it is to write.
        GuardError: Weights of it would have been drawn at random.
        MissingExtraError: torch or transformers is not installed.
    """
    _models.require("torch", "transformers", approach=f"model {base_model}")
    path = str(_models.locate(base_model))
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    with _opening.opening(base_model, "an encoder-decoder"):
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
        opened: Any = AutoModelForSeq2SeqLM.from_pretrained(
            path,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            dtype="auto",
        )
    model, found = opened
    _guards.base_used(found["missing_keys"], base_model)
    _models.require_words(tokenizer, base_model)
    cuda = torch.cuda.is_available()
    model = model.to("cuda") if cuda else model.float()
    _say_language(model, tokenizer, base_model)
    return model.eval(), tokenizer


def _say_language(model: Any, tokenizer: Any, base_model: str) -> None:  # noqa: ANN401
    """The first token of an answer names its language, where the tokenizer has several."""
    if not hasattr(tokenizer, "src_lang") or model.generation_config.forced_bos_token_id:
        return
    target = getattr(tokenizer, "tgt_lang", None)
    if not target:
        fix = "write src_lang and tgt_lang into tokenizer_config.json of a copy of the model"
        raise UserError("no language to translate into", where=base_model, fix=fix)
    known = getattr(tokenizer, "get_lang_id", tokenizer.convert_tokens_to_ids)
    model.generation_config.forced_bos_token_id = known(target)


def source(row: Row) -> str:
    """What goes in: the text, or all turns before the answer, one a line."""
    asked = question(row)
    return "\n".join(turn["content"] for turn in asked.messages) or asked.input


def window_of(model: Any, tokenizer: "PreTrainedTokenizerBase") -> int:  # noqa: ANN401
    """Tokens the model can read at once."""
    limits = [getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length]
    return int(min([n for n in limits if n and n < 1_000_000], default=_WINDOW))


def encode(
    rows: Sequence[Row],
    model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
) -> list[Encoded]:
    """The rows as tokens; what is longer than ``max_tokens`` loses its end.

    Raises:
        DataError: A row has no answer.
    """
    bare = [row.id for row in rows if is_text_alone(row) or not reference(row)]
    if bare:
        fix = "it learns pairs of texts: give rows with an answer, or name a causal model"
        raise DataError("a row without an answer", where=f"row {bare[0]}", fix=fix)
    ends = tokenizer.eos_token_id
    first = getattr(model.generation_config, "forced_bos_token_id", None)
    special = set(tokenizer.all_special_ids)
    found: list[Encoded] = []
    for row in rows:
        ids = _read(row, tokenizer)
        labels = _closed(tokenizer(text_target=reference(row), verbose=False)["input_ids"], ends)
        if first is not None and labels[0] != first:
            labels = [first, *labels]
        cut = max(len(ids), len(labels)) > max_tokens
        ids, labels = _shortened(ids, max_tokens), _shortened(labels, max_tokens)
        counted = [id_ not in special and id_ != first for id_ in labels]
        found.append(Encoded(ids, labels, counted, cut))
    return found


def _read(row: Row, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    ids: Any = tokenizer(source(row), verbose=False)["input_ids"]
    return _closed(ids, tokenizer.eos_token_id)


def _closed(ids: list[int], end: Any) -> list[int]:  # noqa: ANN401 - transformers says no type
    return ids if end is None or (ids and ids[-1] == end) else [*ids, end]


def _shortened(ids: list[int], most: int) -> list[int]:
    """The end goes, and the sign of the end stays."""
    return ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]


def room_for(rows: Sequence[Row], tokenizer: "PreTrainedTokenizerBase", window: int) -> int:
    """Tokens an answer may have: a quarter more than the longest one that was learned from."""
    said = [reference(row) for row in rows if not is_text_alone(row)]
    counts = [len(tokenizer(text_target=text, verbose=False)["input_ids"]) for text in said]
    return min(math.ceil(max(counts, default=48) * 1.25) + 8, window)


def prepare(plan: Plan, rows: Sequence[Row]) -> None:
    """Write down how the untouched model is to be asked.

    Raises:
        UserError: The model cannot be opened.
    """
    model, tokenizer = open_model(plan.base_model)
    _generation.save(plan, room_for(rows, tokenizer, window_of(model, tokenizer)))


def load(folder: Path) -> "Seq2SeqWriter":
    """Open the untouched base model, to be asked as :func:`prepare` wrote down."""
    known = _generation.about(folder)
    model, tokenizer = open_model(known["base_model"])
    return Seq2SeqWriter(model, tokenizer, known["max_new_tokens"])


class Seq2SeqWriter:
    """An encoder-decoder that answers in its own words."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
        tokenizer: "PreTrainedTokenizerBase",
        max_new_tokens: int,
    ) -> None:
        self.model, self.tokenizer, self.max_new_tokens = model, tokenizer, max_new_tokens
        self.window = window_of(model, tokenizer)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The answer to each row."""
        import torch

        found: list[Prediction] = []
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            read = [_shortened(_read(row, self.tokenizer), self.window) for row in part]
            ids, mask = self._padded(read, self._filler)
            with torch.inference_mode():
                out = self.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    max_new_tokens=self.max_new_tokens,
                    do_sample=False,
                    num_beams=1,
                )
            found += [
                self._answer(row, said, len(asked))
                for row, said, asked in zip(part, out.tolist(), read, strict=True)
            ]
        return found

    @property
    def _filler(self) -> int:
        known: Any = self.tokenizer.pad_token_id
        return known if known is not None else self.model.config.pad_token_id or 0

    def _padded(self, lines: Sequence[list[int]], filler: int) -> Any:  # noqa: ANN401
        import torch

        longest, device = max(map(len, lines)), self.model.device
        ids = [line + [filler] * (longest - len(line)) for line in lines]
        mask = [[1] * len(line) + [0] * (longest - len(line)) for line in lines]
        return torch.tensor(ids, device=device), torch.tensor(mask, device=device)

    def _answer(self, row: Row, ids: list[int], asked: int) -> Prediction:
        """The first token is where the decoder starts, which may itself be the sign of the end."""
        said, end = ids[1:], self.tokenizer.eos_token_id
        ended = end in said
        kept = said[: said.index(end)] if ended else said
        text = str(self.tokenizer.decode(kept, skip_special_tokens=True)).strip()
        return Prediction(
            id=row.id,
            prediction=text,
            tokens=asked + len(kept),
            written_tokens=len(kept),
            cut=not ended,
        )

    def bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, given what goes in; the sign of the end is no part of the text."""
        import torch

        found: list[Bits] = []
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            encoded = encode(part, self.model, self.tokenizer, self.window)
            ids, mask = self._padded([row.ids for row in encoded], self._filler)
            labels, _ = self._padded([row.labels for row in encoded], _IGNORED)
            counted, _ = self._padded([list(map(int, row.counted)) for row in encoded], 0)
            with torch.inference_mode():
                logits = self.model(input_ids=ids, attention_mask=mask, labels=labels).logits
                chances = torch.log_softmax(logits.float(), dim=-1)
                nats = -chances.gather(2, labels.clamp(min=0)[..., None]).squeeze(2).double()
            sums = (nats * counted).sum(dim=1).tolist()
            found += [
                Bits(nats / math.log(2), len(reference(row).encode()))
                for nats, row in zip(sums, part, strict=True)
            ]
        return found
