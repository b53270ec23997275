"""What makes a row useless or harmful to learn from, each with a code name.

The faults that hurt most are those that a loss curve does not show: a model that never learns to
stop, a row of which nothing is learned, a prompt at use that training never saw. They are looked
for on the tokens themselves, after the chat template, where they can no longer hide.
"""

import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rules.errors import DataError

Code = Literal[
    "no_end_of_sequence",
    "all_masked",
    "all_cut",
    "template_mismatch",
    "template_refused",
    "no_template",
    "text_lost",
    "end_cut",
    "special_in_text",
]
WARNINGS: frozenset[Code] = frozenset({"end_cut", "special_in_text"})
"""Worth a word, but there is something to learn from the row; any other code refuses it."""
FIXES: Mapping[Code, str] = {
    "no_end_of_sequence": "end the assistant turn of the template in {{ eos_token }}, "
    "or choose a base model whose template does; an eos_token is named in tokenizer_config.json",
    "all_masked": "give the row an answer, an assistant turn or a target that is not empty; if it "
    "has one, put the template's {% generation %} marks round it",
    "all_cut": "raise --max-tokens (of a run: --setting max_tokens=), take a model that reads "
    "more, or shorten what stands before the answer",
    "template_mismatch": "choose a template that only ever appends: with {% generation %} marks, "
    "and no line break between the assistant's mark and the answer",
    "template_refused": "put the turns in the order that the template asks for, or give another "
    "template: --template FILE",
    "no_template": "choose an instruct model, or put chat_template.jinja into its folder; "
    "one is tried out with: whichtune xray --template FILE",
    "text_lost": "choose a template that prints this role and takes text as it is, not as a list "
    "of parts: --template FILE",
    "end_cut": "raise --max-tokens; from this row the model does not learn to stop",
    "special_in_text": "take it out of the text: the model reads it as a mark, not as words",
}
_KEPT_IDS = 1000


class RenderError(DataError):
    """A row that must not be trained on as it is; ``code`` names the reason for good.

    Args:
        code: The name of the fault.
        what: What was wrong, with the offending value quoted.
        where: The row, or ``file:line``.
        fix: The next thing to do; by default what helps against this fault.
    """

    def __init__(self, code: Code, what: str, *, where: str, fix: str = "") -> None:
        super().__init__(f"{code}: {what}", where=where, fix=fix or FIXES[code])
        self.code: Code = code
        self.reason = what

    def __reduce__(self) -> "tuple[object, ...]":
        """Keep the code across processes."""
        return _rebuild, (self.code, self.reason, self.where, self.fix)

    def at(self, where: str) -> "RenderError":
        """The same fault, with a better place to look."""
        return RenderError(self.code, self.reason, where=where, fix=self.fix)


def _rebuild(code: Code, what: str, where: str, fix: str) -> RenderError:
    return RenderError(code, what, where=where, fix=fix)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a rendered row."""

    code: Code
    what: str

    @property
    def blocking(self) -> bool:
        """Whether the row must not be trained on."""
        return self.code not in WARNINGS


@dataclass(frozen=True, slots=True)
class Spans:
    """Where the answers of a row stand, in tokens, and what became of them."""

    learned: tuple[tuple[int, int], ...]
    """Start and end of each run of learned tokens, before anything is cut."""
    ends: frozenset[int]
    """Ids of the tokens that end a sequence."""
    kept: int
    """Tokens that are left after cutting."""


def faults_of(ids: "tuple[int, ...]", spans: Spans, empty: str) -> list[Fault]:
    """What is wrong with the learned tokens of one row; ``ids`` are those before cutting.

    ``empty`` says why there are none, should there be none.
    """
    if not spans.learned:
        return [Fault("all_masked", f"no token of this row would be learned: {empty}")]
    found: list[Fault] = []
    open_ended = [
        n for n, (_, end) in enumerate(spans.learned, 1) if ids[end - 1] not in spans.ends
    ]
    if open_ended:
        which = "the answer" if len(spans.learned) == 1 else f"answer {open_ended[0]}"
        what = f"{which} does not end in an end-of-sequence token"
        if not spans.ends:
            what = "the tokenizer knows no end-of-sequence token (eos_token)"
        found.append(
            Fault("no_end_of_sequence", f"{what}, so that the model would never learn to stop")
        )
    start = spans.learned[0][0]
    if spans.kept <= start:
        what = f"the first {spans.kept:,} tokens are kept and the answer begins at {start + 1:,}"
        found.append(Fault("all_cut", f"{what}: nothing would be learned"))
    elif spans.kept < spans.learned[-1][1]:
        lost = spans.learned[-1][1] - spans.kept
        found.append(Fault("end_cut", f"the last {lost:,} tokens to be learned are cut off"))
    return found


@dataclass
class Check:
    """What rendering many rows found."""

    rows: int = 0
    counts: dict[Code, int] = field(default_factory=dict[Code, int])
    ids: dict[Code, list[str]] = field(default_factory=dict[Code, list[str]])
    """The first thousand rows with each fault."""
    examples: dict[Code, str] = field(default_factory=dict[Code, str])
    """What was wrong, in the words of the first row."""
    lengths: "array.array[int]" = field(default_factory=lambda: array.array("I"))
    """Tokens of each row that could be rendered, before cutting."""

    @property
    def blocking(self) -> int:
        """How many faults refuse their row."""
        return sum(n for code, n in self.counts.items() if code not in WARNINGS)

    def add(self, row: str, faults: Iterable[Fault]) -> None:
        """Count the faults of one row."""
        for fault in faults:
            self.counts[fault.code] = self.counts.get(fault.code, 0) + 1
            self.examples.setdefault(fault.code, fault.what)
            kept = self.ids.setdefault(fault.code, [])
            if len(kept) < _KEPT_IDS:
                kept.append(row)
