"""Answers with a thumb: liked or not, without a second answer to compare with."""

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, text, truth
from advisor.schemas.chat import NAMES as CHAT
from advisor.turns import are_turns, turns

SAYS = "answers that were liked or disliked"
ROLES = {
    "input": "the prompt",
    "target": "the answer",
    "messages": "or both, as turns",
    "liked": "whether the answer was liked",
}
GENERAL = False
_THUMBS = ("liked", "label", "thumbs", "thumb", "thumbs_up", "feedback", "rating", "is_good")


def match(sample: Sample) -> Match | None:
    """By a column of yes and no beside a prompt and its answer, or beside turns."""
    liked = sample.role("liked", _THUMBS)
    if liked is None or sample.share(liked, lambda value: truth(value) is not None) < 0.95:
        return None
    talk = sample.role("messages", CHAT)
    if talk and sample.share(talk, are_turns) > 0.5:
        roles = {"messages": talk, "liked": liked}
        return Match(roles, "sure", f"`{liked}` says yes or no to the conversations in `{talk}`")
    prompt = sample.role("input", ["prompt", "question", "instruction"])
    answer = sample.role("target", ["completion", "response", "answer", "output"])
    if prompt is None or answer is None or {prompt, answer} & {liked}:
        return None
    roles = {"input": prompt, "target": answer, "liked": liked}
    return Match(roles, "sure", f"`{liked}` says yes or no to the answers in `{answer}`")


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """Without a yes or no, there is nothing to learn."""
    liked = truth(cells.get(roles["liked"]))
    if liked is None:
        raise Unusable(f"`{roles['liked']}` is neither yes nor no")
    if "messages" in roles:
        said = turns(cells.get(roles["messages"]), "conversation")
        if said[-1]["role"] != "assistant":
            raise Unusable("the conversation does not end with the answer that was judged")
        return [Draft(messages=said[:-1], target=said[-1]["content"], liked=liked)]
    said, answer = text(cells, roles["input"], "prompt"), text(cells, roles["target"], "answer")
    return [Draft(input=said, target=answer, liked=liked)]
