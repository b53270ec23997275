"""Conversations: a list of turns a row."""

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, is_blank
from advisor.turns import are_turns, is_transcript, transcript, turns

SAYS = "conversations"
ROLES = {"messages": "the turns, each with a role and a text", "system": "what comes before them"}
GENERAL = False
NAMES = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "chat")


def match(sample: Sample) -> Match | None:
    """By a column whose values are lists of turns, or transcripts."""
    column = sample.role("messages", [*NAMES, "text"])
    columns = [column] if column else list(sample.values)
    for name in columns:
        system = sample.role("system", ["system", "system_prompt"])
        roles = {"messages": name} | ({"system": system} if system and system != name else {})
        if sample.share(name, are_turns) > 0.5:
            return Match(roles, "sure", f"`{name}` holds lists of turns with a role and a text")
        if len(sample.values) <= 2 and sample.share(name, is_transcript) > 0.9:
            return Match(roles, "sure", f"`{name}` holds dialogues of Human: and Assistant:")
    return None


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """A conversation without an answer teaches nothing and is set aside."""
    value = cells.get(roles["messages"])
    if is_blank(value):
        raise Unusable("no conversation")
    said = transcript(str(value)) if is_transcript(value) else turns(value, "conversation")
    system = cells.get(roles["system"]) if "system" in roles else None
    if isinstance(system, str) and system.strip() and said[0]["role"] != "system":
        said = ({"role": "system", "content": system}, *said)
    answers = [turn for turn in said if turn["role"] == "assistant"]
    if not answers:
        raise Unusable("no turn of the assistant, so nothing to learn")
    if not any(turn["content"].strip() for turn in answers):
        raise Unusable("all turns of the assistant are empty")
    last = said[-1]["role"]
    return [Draft(messages=said, remark="" if last == "assistant" else f"ends with the {last}")]
