"""A question and the documents that answer it, without the answer: what searches are judged by."""

from collections.abc import Sequence  # noqa: TC003
from typing import cast

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, is_blank, text
from advisor.schemas.question_context import ANSWERS

SAYS = "questions with the documents that answer them"
ROLES = {"input": "the question", "documents": "ids or paths of the documents, one or a list"}
GENERAL = False
_RIGHT = ("documents", "document_ids", "gold_documents", "relevant_documents")


def match(sample: Sample) -> Match | None:
    """By the names of both, where no column is left that could be the answer."""
    asked = sample.role("input", ["question", "query", "text"])
    right = sample.role("documents", _RIGHT)
    if asked is None or right is None or sample.role("target", ANSWERS):
        return None
    why = f"the columns `{asked}` and `{right}`, and none of answers"
    return Match({"input": asked, "documents": right}, "sure", why)


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """Ids may be numbers."""
    value = cells.get(roles["documents"])
    parts = cast("Sequence[object]", value if isinstance(value, list) else [value])
    named = tuple(str(part) for part in parts if not is_blank(part))
    if not named:
        raise Unusable("no document")
    return [Draft(input=text(cells, roles["input"], "question"), documents=named)]
