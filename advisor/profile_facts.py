"""What the rules may know from the data: each fact with how it was found, none that is a guess.

Which facts follow depends on what the rows are. What a person answers outweighs all of them
(``advisor/facts.py``).
"""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from advisor.examined import Side, evenly
from advisor.freshness import DOCUMENTS, pace

if TYPE_CHECKING:
    from advisor.profile import DataProfile

FactValue = str | int | float | bool
Told = dict[str, tuple[FactValue, str]]

_ENOUGH_TO_SPLIT = 50
"""Rows from which on a fifth (ten rows) says anything at all."""
_TOKENS_A_WORD = 1.33
"""English prose in the tokens of a large vocabulary (OpenAI: 100 tokens are about 75 words)."""
_JUDGES = ("annotator", "rater", "judge", "worker")
"""Whoever rated a row is not the user whom an answer depends on."""


def facts_of(profile: "DataProfile", side: Side) -> Told:
    """All facts that the rows show."""
    return {
        **_BY_KIND.get(profile.kind, _pairs)(profile, side),
        "has_evaluation_set": _evaluation_set(profile),
        **_users(side),
        **_freshness(profile, side),
    }


def _classification(profile: "DataProfile", side: Side) -> Told:
    del side
    column = f"`{profile.target}` of {profile.file}"
    rarest = min(profile.distinct_labels.values())
    return {
        "task": ("classification", f"one label a row, in {column}"),
        "goal": ("classification", f"{len(profile.labels):,} labels in {column}"),
        "data_kind": ("labelled", f"every row has a label, in {column}"),
        "n_examples": _examples(profile),
        "labels": (len(profile.labels), f"distinct values in {column}"),
        "rarest_label": (rarest, f"`{profile.rarest_label}` in {profile.file}, repeats aside"),
    }


def _multi_label(profile: "DataProfile", side: Side) -> Told:
    counts = Counter(label for labels in side.table.rows.column("labels") for label in labels)
    column = f"`{profile.target}` of {profile.file}"
    rarest = min(counts, key=lambda label: (counts[label], label))
    return {
        "task": ("classification", f"any number of labels a row, in {column}"),
        "goal": ("classification", f"{len(counts):,} labels in {column}"),
        "data_kind": ("labelled", f"rows have labels, in {column}"),
        "n_examples": _examples(profile),
        "labels": (len(counts), f"distinct labels in {column}"),
        "rarest_label": (counts[rarest], f"`{rarest}` in {profile.file}"),
    }


def _pairs(profile: "DataProfile", side: Side) -> Told:
    del side
    how = f"{profile.file} holds {profile.kind.replace('_', ' ')}"
    told: Told = {"data_kind": ("prompt_response", how), "n_examples": _examples(profile)}
    task = _TASKS.get(profile.kind)
    return {"task": (task, how), **told} if task else told


_TASKS = {
    "text_to_sql": "generation",
    "slots": "generation",
    "chat": "instruction_following",
    "instruction": "instruction_following",
}
"""Prompts with answers alone do not say which task they are of."""


def _preferences(profile: "DataProfile", side: Side) -> Told:
    del side
    count, how = _examples(profile)
    return {
        "task": ("preference_alignment", f"{profile.file} holds better and worse answers"),
        "goal": ("preference", f"{profile.file} holds better and worse answers"),
        "data_kind": ("preference_pairs", f"two answers a row in {profile.file}"),
        "preference_pairs": (count, how),
    }


def _liked(profile: "DataProfile", side: Side) -> Told:
    thumbs = Counter(side.table.rows.column("liked"))
    how = f"{thumbs[True]:,} liked and {thumbs[False]:,} disliked answers in {profile.file}"
    return {
        "task": ("preference_alignment", how),
        "goal": ("preference", how),
        "n_examples": _examples(profile),
    }


def _questions(profile: "DataProfile", side: Side) -> Told:
    passages = {text for texts in side.table.rows.column("documents") for text in texts}
    words = sum(len(text.split()) for text in passages)
    how = f"distinct passages in {profile.file}"
    return {
        "task": ("qa_documents", f"questions with their passages in {profile.file}"),
        "data_kind": ("documents", f"questions with their passages in {profile.file}"),
        "n_examples": _examples(profile),
        "n_documents": (len(passages), how),
        "document_tokens": _tokens(words, f"{how}, {words:,} words"),
    }


def _searched(profile: "DataProfile", side: Side) -> Told:
    del side
    how = f"questions with the documents that answer them in {profile.file}"
    return {"task": ("qa_documents", how), "data_kind": ("documents", how)}


def _raw_text(profile: "DataProfile", side: Side) -> Told:
    """Many texts of their own are documents; one text in parts is something to read on in."""
    words = sum(len(text.split()) for text in side.questions())
    how = f"{words:,} words in {profile.file}"
    if side.table.format not in _FOLDERS:
        return {
            "data_kind": ("raw_text", f"texts without answers in {profile.file}"),
            "raw_tokens": _tokens(words, how),
        }
    return {
        "data_kind": ("documents", f"a folder of documents: {profile.file}"),
        "n_documents": (profile.rows, f"documents in {profile.file}"),
        "document_tokens": _tokens(words, how),
    }


_FOLDERS = ("documents", "folder")


def _tokens(words: int, how: str) -> tuple[int, str]:
    return round(words * _TOKENS_A_WORD), f"{how}, at {_TOKENS_A_WORD} tokens a word"


def _examples(profile: "DataProfile") -> tuple[int, str]:
    repeats = profile.rows - profile.distinct_rows
    how = f"{profile.rows:,} rows" + (f" less {repeats:,} repeats" if repeats else "")
    how += f" less {profile.leaked_rows:,} of the evaluation" if profile.leaked_rows else ""
    return profile.distinct_rows - profile.leaked_rows, f"{how} in {profile.file}"


def _evaluation_set(profile: "DataProfile") -> tuple[bool, str]:
    if profile.evaluation_file:
        return True, f"{profile.evaluation_rows:,} rows in {profile.evaluation_file}"
    twice = sum(rows > 1 for rows in profile.distinct_labels.values())
    answered = profile.kind not in ("raw_text", "question_documents")
    enough = twice > 1 if profile.labels else answered
    if profile.distinct_rows >= _ENOUGH_TO_SPLIT and enough:
        return True, f"a fifth of {profile.distinct_rows:,} rows can be split off"
    if not answered:
        return False, f"{profile.file} has no questions with answers to measure on"
    return False, f"{profile.distinct_rows:,} rows are too few to split some off"


def _users(side: Side) -> Told:
    column = side.table.mapping.roles.get("user")
    if column is None or column.lower().startswith(_JUDGES):
        return {}
    users = {user for user in side.table.rows.column("user") if user}
    if len(users) < 2 or len(side) < 2 * len(users):
        return {}
    each = len(side) / len(users)
    how = f"`{column}` names {len(users):,} users with {each:.1f} rows each"
    return {"personalization": ("per_user", how)}


def _freshness(profile: "DataProfile", side: Side) -> Told:
    """Of documents; a text in parts, or rows with answers, do not date what they teach."""
    if profile.kind == "question_context":
        documents = sorted(
            {text for texts in side.table.rows.column("documents") for text in texts}
        )
    elif profile.kind == "raw_text" and side.table.format in _FOLDERS:
        documents = list(side.questions())
    else:
        return {}
    drawn = [documents[place] for place in evenly(len(documents), DOCUMENTS)]
    found = pace(drawn, profile.file)
    return {"freshness": (found.name, found.how)} if found else {}


_BY_KIND: dict[str, Callable[["DataProfile", Side], Told]] = {
    "classification": _classification,
    "multi_label": _multi_label,
    "preference": _preferences,
    "ranked_pairs": _preferences,
    "liked": _liked,
    "question_context": _questions,
    "question_documents": _searched,
    "raw_text": _raw_text,
}
