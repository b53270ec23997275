"""Causal language models as classifiers: which label is the likeliest continuation?

The prompt is run once and its keys and values are kept; only the few tokens of each label follow.
A label's score is the mean log-probability of its tokens, so that long names are not punished.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rules.errors import UserError
from runners import _guards, _models, _opening
from runners.base import Prediction, Row

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_ROOM = 16
"""Tokens kept free for the label, at the least."""


class LabelLikelihood:
    """A causal model that answers with one of a fixed set of labels."""

    def __init__(self, base_model: str, labels: dict[str, str], instruction: str) -> None:
        """Open the model; ``labels`` maps each label to the words the model is to say."""
        self.model, self.tokenizer = open_model(base_model)
        self.instruction = instruction
        self.labels = list(labels)
        self.spoken = labels
        self.continuations = [
            self.tokenizer.encode(f" {text}", add_special_tokens=False) for text in labels.values()
        ]
        longest = max(len(tokens) for tokens in self.continuations)
        limit = getattr(self.model.config, "max_position_embeddings", None) or 2048
        self.prompt_tokens = limit - max(longest, _ROOM)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The likeliest label of each row."""
        return self.answers(rows, [()] * len(rows))

    def answers(
        self, rows: Sequence[Row], shots: Sequence[Sequence[tuple[str, str]]]
    ) -> list[Prediction]:
        """The likeliest label of each row after its examples."""
        return [self.answer(row, few) for row, few in zip(rows, shots, strict=True)]

    def answer(self, row: Row, shots: Sequence[tuple[str, str]]) -> Prediction:
        """The likeliest label of one row after some examples of text and label."""
        import torch

        prompt = self._fitting(row, list(shots))
        with torch.inference_mode():
            scores = self._scores(torch.tensor([prompt], device=self.model.device))
        shares = torch.softmax(scores, dim=0)
        best = int(shares.argmax())
        return Prediction(
            id=row.id,
            prediction=self.labels[best],
            score=float(shares[best]),
            tokens=len(prompt) + len(self.continuations[best]),
        )

    def count(self, row: Row) -> int:
        """Tokens of the prompt of a row without examples, uncut."""
        return len(self.tokenizer.encode(self._prompt(row.input, ())))

    def _fitting(self, row: Row, shots: list[tuple[str, str]]) -> list[int]:
        """Tokens of the prompt; the farthest examples go first, then the end of the text."""
        text = row.input
        while True:
            tokens = self.tokenizer.encode(self._prompt(text, shots))
            if len(tokens) <= self.prompt_tokens:
                return tokens
            if shots:
                shots = shots[1:]
            elif text:
                text = text[: len(text) * self.prompt_tokens // len(tokens)]
            else:
                return tokens[-self.prompt_tokens :]

    def _prompt(self, text: str, shots: Sequence[tuple[str, str]]) -> str:
        parts = [self.instruction]
        if len(self.labels) <= 20:  # a longer list costs more tokens than the examples it displaces
            parts.append("Labels: " + ", ".join(self.spoken.values()))
        parts += [f"Text: {shot}\nLabel: {self.spoken[label]}" for shot, label in shots]
        return "\n\n".join([*parts, f"Text: {text}\nLabel:"])

    def _scores(self, prompt: "torch.Tensor") -> "torch.Tensor":
        """Mean log-probability of each label after the prompt ``(1, t)``: ``(k,)`` float32."""
        import torch

        start = self.model(prompt, use_cache=True)
        count, longest = len(self.continuations), max(map(len, self.continuations))
        filler = self.continuations[0][0]  # any token: what follows a label is never looked at
        padded = [tokens + [filler] * (longest - len(tokens)) for tokens in self.continuations]
        targets = torch.tensor(padded, device=prompt.device)
        lengths = torch.tensor([len(tokens) for tokens in self.continuations], device=prompt.device)
        first = torch.log_softmax(start.logits[:, -1].float(), dim=-1).expand(count, -1)
        chances = [first.gather(1, targets[:, :1])]
        if longest > 1:
            cache = start.past_key_values
            cache.batch_repeat_interleave(count)
            logits = self.model(targets[:, :-1], past_key_values=cache, use_cache=True).logits
            after = torch.log_softmax(logits.float(), dim=-1)
            chances.append(after.gather(2, targets[:, 1:, None]).squeeze(2))
        every = torch.cat(chances, dim=1)
        counted = torch.arange(longest, device=prompt.device) < lengths[:, None]
        return (every * counted).sum(dim=1) / lengths


def require_causal(base_model: str) -> None:
    """Refuse a model that gives no next token.

    Raises:
        UserError: It is an encoder, or translates from one text to another.
    """
    kind = _models.kind(base_model)
    if kind == "encoder_decoder":
        fix = (
            "use --approach lora or full_sft, or name a causal model, such as --base-model bundled"
        )
        raise UserError("this approach is not for encoder-decoders", where=base_model, fix=fix)
    if kind != "causal":
        fix = "name a causal model, such as --base-model bundled, or leave --base-model out"
        raise UserError("this model does not write text", where=base_model, fix=fix)


class _Kept:
    """The models opened so far, where whoever asks it many times wants it opened once."""

    known: "dict[str, tuple[PreTrainedModel, PreTrainedTokenizerBase]] | None" = None


@contextlib.contextmanager
def opened_once() -> Iterator[None]:
    """Inside, the same base model is opened once and shared; nobody may change its weights."""
    _Kept.known = {}
    try:
        yield
    finally:
        _Kept.known = None


def open_model(
    base_model: str, *, four_bits: bool = False
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """Open a causal model for inference, on the GPU when there is one.

    ``four_bits``: its linear layers are rounded to NF4, with double quantisation.

    Raises:
        UserError: The folder does not hold a model that transformers can open.
        GuardError: Weights of it would have been drawn at random.
        MissingExtraError: torch or transformers is not installed.
    """
    if _Kept.known is None or four_bits:
        return _open(base_model, four_bits=four_bits)
    if base_model not in _Kept.known:
        _Kept.known[base_model] = _open(base_model, four_bits=False)
    return _Kept.known[base_model]


def _open(base_model: str, *, four_bits: bool) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    _models.require("torch", "transformers", approach=f"model {base_model}")
    path = str(_models.locate(base_model))
    if _models.kind(base_model) == "encoder_decoder":
        require_causal(base_model)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _opening.opening(base_model, "a causal model"):
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
        opened: Any = AutoModelForCausalLM.from_pretrained(
            path,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **(_rounded() if four_bits else {"dtype": "auto"}),
        )
    model, found = opened
    _guards.base_used(found["missing_keys"], base_model)
    _models.require_words(tokenizer, base_model)
    if four_bits:  # it is where it belongs already, and its type is that of the four bits
        return model.eval(), tokenizer
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        model = model.float()  # half precision is several times slower on most processors
    model.to(device)
    return model.eval(), tokenizer


def _rounded() -> dict[str, Any]:
    import torch
    from transformers import BitsAndBytesConfig

    cuda = torch.cuda.is_available()
    compute = torch.bfloat16 if cuda and torch.cuda.is_bf16_supported() else torch.float32
    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
    return {
        "quantization_config": settings,
        "dtype": compute,
        "device_map": {"": 0} if cuda else "cpu",
    }
