"""A text in, a text out."""

from collections.abc import Sequence

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, plain, text

SAYS = "texts with the text that should come out"
ROLES = {"input": "the prompt", "target": "the answer"}
GENERAL = True
_IN: Sequence[str] = (  # noqa: SIM905
    "prompt question query input source src article document text message dialogue english context"
).split()
_OUT: Sequence[str] = (  # noqa: SIM905
    "completion answer response output target tgt summary highlights translation reply solution "
    "ground_truth long_answer final_answer expected reference"
).split()


def match(sample: Sample) -> Match | None:
    """By the names of both, where the answers are not a few labels; else by two texts a row."""
    told, answer = sample.role("input", _IN), sample.role("target", _OUT)
    if told and answer and told != answer:
        answers = sample.kind(answer)
        # Where all answers are empty, the names alone tell what they should have been.
        if answers.values > 1 and answers.repeats and not (sample.asked or _is_given(sample)):
            return None
        known = {plain(told), plain(answer)} <= {*_IN, *_OUT}
        why = f"the columns are called `{told}` and `{answer}`, and the answers differ"
        return Match({"input": told, "target": answer}, "sure" if known else "likely", why)
    texts = [name for name in sample.values if sample.kind(name).is_prose]
    if len(texts) == 2 and len(sample.values) == 2 and not sample.given:
        why = f"`{texts[0]}` and `{texts[1]}` both hold texts that differ from row to row"
        return Match({"input": texts[0], "target": texts[1]}, "likely", why)
    return None


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """Both are needed."""
    said, answer = text(cells, roles["input"], "prompt"), text(cells, roles["target"], "answer")
    return [Draft(input=said, target=answer)]


def _is_given(sample: Sample) -> bool:
    return "target" in sample.given and sample.kind(sample.given["target"]).is_prose
