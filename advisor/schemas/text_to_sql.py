"""Questions with the SQL that answers them; also many questions to one query."""

import re
from collections.abc import Sequence  # noqa: TC003
from typing import cast

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, maybe_text, text

SAYS = "questions with the SQL that answers them"
ROLES = {
    "input": "the question",
    "target": "the query",
    "context": "the tables it is asked of, where they are given",
    "sentences": "or several questions to one query, with the values of its variables",
}
GENERAL = False
_SQL = re.compile(r"\s*\(?\s*(select|with|insert|update|delete|create)\b", re.I)


def match(sample: Sample) -> Match | None:
    """By a column of which nearly all values are SQL."""
    query = sample.role("target", ["sql", "query", "answer", "output", "completion", "target"])
    if query is None or sample.share(query, is_sql) < 0.9:
        return None
    several = sample.role("sentences", ["sentences"])
    if several and sample.share(several, lambda value: isinstance(value, list)) > 0.9:
        roles = {"sentences": several, "target": query}
        return Match(roles, "sure", f"`{query}` holds SQL, `{several}` the questions to it")
    words = ["question", "text", "utterance", "instruction", "input", "prompt", "nl"]
    asked = sample.role("input", [word for word in words if word != query])
    if asked is None or asked == query:
        return None
    context = sample.role("context", ["context", "schema", "create_table", "table_schema"])
    roles = {"input": asked, "target": query} | ({"context": context} if context else {})
    return Match(roles, "sure", f"`{query}` holds SQL")


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """Variables are filled in on both sides; rows of one query are a group."""
    value = cells.get(roles["target"])
    queries = cast("list[object]", value) if isinstance(value, list) else [value]
    if "sentences" not in roles:
        said = text(cells, roles["input"], "question")
        tables = maybe_text(cells, roles.get("context"), "tables")
        prompt = f"{tables}\n\n{said}" if tables else said
        return [Draft(input=prompt, target=text({"sql": queries[0]}, "sql", "query"))]
    if not queries or not isinstance(queries[0], str):
        raise Unusable("no query")
    asked = cells.get(roles["sentences"])
    found = cast("Sequence[object]", asked) if isinstance(asked, list) else ()
    made = [_filled(item, queries[0]) for item in found]
    if not made:
        raise Unusable("no question")
    return made


def _filled(item: object, query: str) -> Draft:
    cells: Cells = {"text": item}
    if isinstance(item, dict):
        cells = cast("Cells", item)
    said, values = text(cells, "text", "question"), cells.get("variables")
    known: Cells = cast("Cells", values) if isinstance(values, dict) else {}
    filled = query
    # The longest name first: number10 begins with number1.
    for name in sorted(known, key=len, reverse=True):
        value = str(known[name])
        said = said.replace(name, value)
        filled = filled.replace(name, value) if value else filled
    return Draft(input=said, target=filled, group=query)


def is_sql(value: object) -> bool:
    """Whether a value, or the first of a list, begins as SQL does."""
    if isinstance(value, list):
        value = next(iter(cast("list[object]", value)), None)
    return isinstance(value, str) and bool(_SQL.match(value))
