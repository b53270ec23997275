"""A question, the passages that answer it, and the answer."""

from collections.abc import Mapping, Sequence  # noqa: TC003
from typing import cast

from advisor.records import json_kind
from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, is_blank, text
from advisor.schemas.text_to_sql import is_sql

SAYS = "questions with passages and their answer"
ROLES = {
    "input": "the question",
    "documents": "the passages: a text or a list of texts",
    "target": "the answer",
}
GENERAL = False
_PASSAGES = ("context", "contexts", "passage", "passages", "documents", "document", "evidence")
ANSWERS = (
    *("answer", "answers", "long_answer", "response", "final_decision", "output", "completion"),
)


def match(sample: Sample) -> Match | None:
    """By the names of question, passages and answer."""
    asked = sample.role("input", ["question", "query"])
    passages = sample.role("documents", _PASSAGES)
    answer = sample.role("target", ANSWERS)
    if asked is None or passages is None or answer is None:
        return None
    if sample.share(answer, is_sql) > 0.9:
        return None
    why = f"the columns `{asked}`, `{passages}` and `{answer}`"
    return Match({"input": asked, "documents": passages, "target": answer}, "sure", why)


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """Of several accepted answers the first is learned."""
    asked = text(cells, roles["input"], "question")
    answer = text({"answer": _first(cells.get(roles["target"]))}, "answer", "answer")
    value = cells.get(roles["documents"])
    if isinstance(value, dict):
        value = cast("Mapping[str, object]", value).get("contexts")
    parts = cast("Sequence[object]", value if isinstance(value, list) else [value])
    wrong = next((part for part in parts if not isinstance(part, str | None)), None)
    if wrong is not None:
        raise Unusable(f"one of the passages is {json_kind(wrong)}")
    passages = tuple(str(part) for part in parts if not is_blank(part))
    if not passages:
        raise Unusable("no passage")
    return [Draft(input=asked, target=answer, documents=passages)]


def _first(value: object) -> object:
    """SQuAD has ``{"text": [...]}``, others a list, most a text."""
    if isinstance(value, dict):
        value = cast("Mapping[str, object]", value).get("text")
    return next(iter(cast("list[object]", value)), None) if isinstance(value, list) else value
