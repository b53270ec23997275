"""Texts alone: documents to search, or prose to go on training with."""

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, maybe_text, text

SAYS = "texts without labels or answers"
ROLES = {"input": "the text", "title": "its title"}
GENERAL = True
_BODY = ("text", "content", "body", "document", "passage", "markdown", "page_content", "contents")
_ABOUT = {"title", "path", "url", "source", "modified", "date", "metadata", "id", "_id", "author"}


def match(sample: Sample) -> Match | None:
    """By a column of texts with nothing beside it but what tells where they come from."""
    said = sample.role("input", _BODY)
    only = list(sample.values)
    if said is None and len(only) == 1 and _are_texts(sample, only[0]):
        said = only[0]
    if said is None or "target" in sample.given:
        return None
    beside = {name.strip().lower() for name in only if name != said}
    if beside - _ABOUT and not sample.asked:
        return None
    title = sample.role("title", ["title"])
    roles = {"input": said} | ({"title": title} if title and title != said else {})
    why = f"`{said}` holds texts, and no other column a label or an answer"
    return Match(roles, "sure" if beside or len(only) == 1 else "likely", why)


def _are_texts(sample: Sample, column: str) -> bool:
    """Long enough, and in words: names such as ``card_arrival`` are none."""
    long = sample.asked or sample.kind(column).characters >= 20
    return long and sample.share(column, lambda said: _is_written(str(said))) > 0.5


def _is_written(said: str) -> bool:
    return " " in said.strip() or not said.isascii()


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """The title is the first line of its text."""
    said = text(cells, roles["input"], "text")
    title = maybe_text(cells, roles.get("title"), "title")
    return [Draft(input=f"{title}\n\n{said}" if title else said)]
