"""An instruction, what it is about, and the answer: Alpaca's form."""

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, maybe_text, text

SAYS = "instructions with their answers"
ROLES = {
    "input": "the instruction",
    "context": "what it is about, where it stands apart",
    "system": "what comes before it",
    "target": "the answer",
}
GENERAL = False


def match(sample: Sample) -> Match | None:
    """By the names of instruction and answer."""
    told = sample.role("input", ["instruction", "instructions"])
    answer = sample.role("target", ["output", "response", "answer", "completion", "targets"])
    if told is None or answer is None or told == answer or "instruction" not in told.lower():
        return None
    context = sample.role("context", ["input", "inputs", "context"])
    system = sample.role("system", ["system", "system_prompt"])
    roles = {"input": told, "target": answer}
    roles |= {role: name for role, name in (("context", context), ("system", system)) if name}
    return Match(roles, "sure", f"the columns are called `{told}` and `{answer}`")


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """Instruction and context are one prompt, with an empty line between."""
    told = text(cells, roles["input"], "instruction")
    context = maybe_text(cells, roles.get("context"), "context")
    system = maybe_text(cells, roles.get("system"), "system prompt")
    answer = text(cells, roles["target"], "answer")
    prompt = f"{told}\n\n{context}" if context else told
    if system:
        turns = (("system", system), ("user", prompt), ("assistant", answer))
        return [Draft(messages=tuple({"role": r, "content": c} for r, c in turns))]
    return [Draft(input=prompt, target=answer)]
