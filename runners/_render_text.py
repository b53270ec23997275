"""A row laid out as text and tokens, and which of these tokens are its answers.

Where the chat template marks what the assistant says (``{% generation %}``), these marks are taken
at their word. Where it does not, an answer is what a template adds to the prompt, which is only
true if the prompt is a prefix of the whole; that is checked turn by turn, and where it does not
hold the row is refused. Nothing is guessed: ``Layout.how`` says which way was used.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from runners._render_encode import Encoded, encode, tokens_of
from runners._render_guards import RenderError
from runners.base import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedTokenizerBase

How = Literal["marks", "prefixes", "plain", "plain parts", "raw"]
"""``marks`` of the template; ``prefixes`` of it; ``plain``: input, target and end joined, for a
tokenizer without a chat template; ``plain parts``: the same, input and target each tokenised alone
because together a token would span both; ``raw``: a text of which everything is learned."""
_MARKS = re.compile(r"\{%-?\s*generation\s*-?%\}")


@dataclass(frozen=True, slots=True)
class Layout:
    """One row, rendered and not yet cut."""

    whole: Encoded
    learned: tuple[tuple[int, int], ...]
    """Start and end of each run of learned tokens."""
    prompt: Encoded
    """What the model is given at use before its last answer."""
    how: How


def turns(row: Row) -> list[dict[str, str]]:
    """The row as messages: its own, and its target as the last answer."""
    found = list(row.messages)
    if not found and row.input:
        found = [{"role": "user", "content": row.input}]
    if answer := answer_of(row):
        found.append({"role": "assistant", "content": answer})
    return found


def answer_of(row: Row) -> str:
    """The target, or the labels as a list; empty where the messages hold the answer."""
    return row.target or ", ".join(row.labels)


def is_raw(row: Row) -> bool:
    """Whether the row is a text and nothing else."""
    return not row.messages and not answer_of(row)


def lay_out(row: Row, tokenizer: "PreTrainedTokenizerBase", template: str | None) -> Layout:
    """Render a row for training.

    Raises:
        RenderError: The row does not fit the template, or its answers cannot be told from it.
    """
    if is_raw(row):
        return _raw(row, tokenizer)
    chosen = template or chat_template(tokenizer)
    if chosen is None:
        return _plain(row, tokenizer)
    chat = Chat(row, tokenizer, chosen)
    return chat.by_marks() if _MARKS.search(chosen) else chat.by_prefixes()


def given(row: Row, tokenizer: "PreTrainedTokenizerBase", template: str | None) -> Encoded:
    """What the model is given at use for this row: all of it, save an answer that ends it.

    Raises:
        RenderError: The row does not fit the template.
    """
    chosen = template or chat_template(tokenizer)
    if is_raw(row) or chosen is None:
        _require_no_turns(row)
        return encode(tokenizer, beginning(tokenizer) + row.input)
    chat = Chat(row, tokenizer, chosen)
    return chat.prompt(len(chat.turns) - 1 if len(chat.turns) - 1 in chat.answers else None)


def chat_template(tokenizer: "PreTrainedTokenizerBase") -> str | None:
    """The tokenizer's own chat template, if it has one."""
    return tokenizer.get_chat_template() if tokenizer.chat_template else None


def beginning(tokenizer: "PreTrainedTokenizerBase") -> str:
    """The token that this tokenizer puts before every text, if it does."""
    first = tokenizer("")["input_ids"][:1]
    return str(tokenizer.bos_token) if first and first[0] == tokenizer.bos_token_id else ""


def _raw(row: Row, tokenizer: "PreTrainedTokenizerBase") -> Layout:
    start = beginning(tokenizer)
    end = str(tokenizer.eos_token or "") if row.input else ""
    whole = encode(tokenizer, start + row.input + end)
    first = 1 if start else 0  # nothing comes before it, so nothing can be learned about it
    learned = ((first, len(whole.ids)),) if row.input else ()
    return Layout(whole, learned, encode(tokenizer, start), "raw")


def _plain(row: Row, tokenizer: "PreTrainedTokenizerBase") -> Layout:
    """Input, target and end of sequence; the input's tokens are those it has on its own."""
    _require_no_turns(row)
    prompt = encode(tokenizer, beginning(tokenizer) + row.input)
    answer = answer_of(row) + str(tokenizer.eos_token or "")
    whole = encode(tokenizer, prompt.text + answer)
    size = len(prompt.ids)
    if whole.ids[:size] == prompt.ids:
        return Layout(whole, ((size, len(whole.ids)),), prompt, "plain")
    alone = encode(tokenizer, answer)
    ids = prompt.ids + alone.ids
    if tokenizer.decode(list(ids), clean_up_tokenization_spaces=False) != whole.text:
        what = f"a token spans the end of the input and the start of the target {answer[:20]!r}"
        fix = "end the input in a line break, such as '\\nAnswer:'"
        raise RenderError("template_mismatch", what, where=f"row {row.id}", fix=fix)
    reach = prompt.reach + tuple(len(prompt.text) + end for end in alone.reach)
    return Layout(Encoded(whole.text, ids, reach), ((size, len(ids)),), prompt, "plain parts")


def _require_no_turns(row: Row) -> None:
    if row.messages:
        what = "the row is a chat and the tokenizer has no chat template"
        raise RenderError("no_template", what, where=f"row {row.id}")


class Chat:
    """The turns of one row under a chat template."""

    def __init__(self, row: Row, tokenizer: "PreTrainedTokenizerBase", template: str) -> None:
        self.row, self.tokenizer, self.template = row, tokenizer, template
        self.turns = turns(row)
        self.answers = [n for n, turn in enumerate(self.turns) if turn["role"] == "assistant"]

    def by_marks(self) -> Layout:
        """The answers are what stands between the template's own marks.

        transformers would give a mask of tokens, but leaves an answer out of it that begins with a
        space where the tokenizer's offsets leave that out; hence its marks and our own offsets.
        """
        from transformers.utils.chat_template_utils import render_jinja_template

        (text,), (marks,) = self._rendering(
            render_jinja_template,
            conversations=[self.turns],
            chat_template=self.template,
            return_assistant_tokens_mask=True,
            **self.tokenizer.special_tokens_map,
        )
        whole = encode(self.tokenizer, text)
        runs = [tokens_of(whole, *mark) for mark in marks]
        prompt = self.last_prompt()
        if any(start < len(prompt.ids) < stop for start, stop in runs):
            runs = self._less_the_prompts(whole, runs)
        filled = tuple(run for run in runs if run[0] < run[1])
        return Layout(whole, filled, prompt, "marks")

    def _less_the_prompts(
        self, whole: Encoded, runs: list[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Marks may open before the prompt ends (TRL's for Qwen 2.5); what is given is masked."""
        for turn in self.answers:
            given = encode(self.tokenizer, self._before(turn)).ids
            if whole.ids[: len(given)] == given:
                runs = [
                    (len(given) if start < len(given) < stop else start, stop)
                    for start, stop in runs
                ]
        return runs

    def by_prefixes(self) -> Layout:
        """An answer is what one more turn adds to the prompt before it."""
        text = self._text(self.turns)
        whole = encode(self.tokenizer, text)
        runs: list[tuple[int, int]] = []
        for turn in self.answers:
            prompt = encode(self.tokenizer, self._before(turn))
            after = self._text(self.turns[: turn + 1])
            start = len(prompt.ids)
            if whole.ids[:start] != prompt.ids:
                raise self._mismatch(f"the prompt of turn {turn + 1}", prompt.text, text)
            if not text.startswith(after):
                raise self._mismatch(f"turn {turn + 1} as the last one", after, text)
            stop = bisect_right(whole.reach, len(after))
            if stop > start:
                runs.append((start, stop))
        return Layout(whole, tuple(runs), self.last_prompt(), "prefixes")

    def prompt(self, turn: int | None) -> Encoded:
        """Everything before a turn, or all there is, and the template's invitation to answer."""
        return encode(self.tokenizer, self._before(len(self.turns) if turn is None else turn))

    def last_prompt(self) -> Encoded:
        """The prompt of the last answer, which need not be the last turn."""
        return self.prompt(self.answers[-1] if self.answers else None)

    def _before(self, turn: int) -> str:
        if not turn:  # transformers refuses an empty conversation, and a model has no such use
            return ""
        return self._text(self.turns[:turn], add_generation_prompt=True)

    def _text(self, messages: list[dict[str, str]], **more: object) -> str:
        apply = self.tokenizer.apply_chat_template
        return self._rendering(apply, messages, chat_template=self.template, tokenize=False, **more)

    def _rendering(self, function: "Callable[..., Any]", *given: object, **more: object) -> Any:  # noqa: ANN401
        from jinja2 import TemplateError

        try:
            return function(*given, **more)
        except (TemplateError, ValueError, TypeError, LookupError, ArithmeticError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            where = f"row {self.row.id}"
            raise RenderError("template_refused", reason, where=where) from error

    def _mismatch(self, what: str, part: str, text: str) -> RenderError:
        """The first place where a text that should begin the whole goes another way."""
        pairs = enumerate(zip(text, part, strict=False))
        same = next((n for n, (one, other) in pairs if one != other), min(len(text), len(part)))
        told = (
            f"{what} is not how the trained text begins: after {text[max(0, same - 20) : same]!r} "
            f"it has {part[same : same + 20]!r}, the trained text {text[same : same + 20]!r}"
        )
        if text.startswith(part):
            told = f"{what} ends within a token of the trained text, after {part[-20:]!r}"
        return RenderError("template_mismatch", told, where=f"row {self.row.id}")
