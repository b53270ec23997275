"""Makes the bundled tokenizer: byte-level BPE, 4,096 tokens, the same bytes on every machine.

Bytes, because then no text is unknown and none is changed: decoding gives back what was encoded.
Digits stand alone, since a small vocabulary would learn the years of its novels as words. Run:
``python -m runners.bundled.make_tokenizer core_train.txt.xz runners/bundled`` (README.md beside).
"""

import json
import lzma
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VOCABULARY = 4096
PAD, END = "<|pad|>", "<|endoftext|>"
ROLES = ("system", "user", "assistant", "tool")
SPECIAL = (PAD, END, *(f"<|{role}|>" for role in ROLES))
"""Ids 0 to 5, in this order. ``END`` closes a document, as the training text has it, and a turn."""
CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": PAD,
    "eos_token": END,
    "extra_special_tokens": [f"<|{role}|>" for role in ROLES],
    "clean_up_tokenization_spaces": False,
    "padding_side": "right",
}


def learn(texts: Iterable[str], vocabulary: int = VOCABULARY) -> "Tokenizer":
    """Learn the merges from some texts; fewer than asked for, where they hold no more."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(tokenizer: "Tokenizer", folder: Path) -> None:
    """Write tokenizer.json and its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.loads(tokenizer.to_str())
    (folder / "tokenizer.json").write_text(
        json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8"
    )
    (folder / "tokenizer_config.json").write_text(json.dumps(CONFIG, indent=1) + "\n", "utf-8")


def make(text: Path, folder: Path) -> None:
    """Learn from the books of a text, packed with xz."""
    with lzma.open(text, "rt", encoding="utf-8") as stream:
        books = stream.read().split(END)
    save(learn(books), folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
