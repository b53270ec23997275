"""The card of an exported model: what it is, how it was made and measured, and what nobody knows.

Everything stands in the run's folder already; nothing is written here that was not measured or
planned. Folders of this machine are no part of it: of a path, the name of the file is kept.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from advisor import model_card_words, scale
from runners import _models, _run_folder
from runners._run_folder import RunStatus
from runners.base import Forgetting, Frozen, Plan, Result, find

TEMPLATE = Path(__file__).with_suffix(".md")
_PATH = re.compile(r"(?<![\w.:/])~?/(?:[^\s/'\"|]+/)+")
_VERSIONS = ("torch", "transformers", "peft", "trl", "bitsandbytes")


class Copy(Frozen):
    """What of a run is in the folder that the card is written for."""

    kind: str
    """``peft``, ``bottleneck``, ``whole`` or ``gguf``."""
    folder: str
    """Its name."""
    checks: tuple[str, ...] = ()
    """What a comparison with the run found, in words."""
    new_tokens: int | None = None
    """How long an answer may be."""


def write(run: RunStatus, copy: Copy, folder: Path) -> None:
    """Write ``README.md`` into the folder of a finished run's copy."""
    from huggingface_hub import ModelCard, ModelCardData

    assert run.result is not None
    _models.require("jinja2", approach="the model card")
    plan, base = run.plan, base_name(run.plan)
    data = ModelCardData(
        base_model=None if is_new(plan) else base,
        library_name={"peft": "peft", "gguf": "gguf"}.get(copy.kind, "transformers"),
        pipeline_tag="text-generation",
        tags=["whichtune", plan.approach, plan.task],
    )
    cards: Any = ModelCard  # of its template, the library does not say what it takes
    card = cards.from_template(
        data, template_str=TEMPLATE.read_text("utf-8"), **_said(run, run.result, copy, base)
    )
    (folder / "README.md").write_text(card.content, "utf-8")


def base_name(plan: Plan) -> str:
    """The base model by a name that says nothing of this machine."""
    return without_folders(plan.base_model.rstrip("/")) if is_place(plan) else plan.base_model


def is_new(plan: Plan) -> bool:
    """Whether no weights of the base model are in it."""
    return getattr(find(plan.approach), "NEW_WEIGHTS", False)


def is_place(plan: Plan) -> bool:
    """Whether the base model is a folder of this machine."""
    return plan.base_model != _models.BUNDLED and Path(plan.base_model).expanduser().is_dir()


def without_folders(text: str) -> str:
    """A text in which the names of folders are left out of every path.

    >>> without_folders("see /home/me/rows/a.csv and org/name")
    'see a.csv and org/name'
    """
    return _PATH.sub("", text)


def _cell(value: object) -> str:
    text = without_folders(" ".join(str(value).split()))
    return text.replace("|", "\\|")


def _said(run: RunStatus, result: Result, copy: Copy, base: str) -> dict[str, Any]:
    plan, card = run.plan, result.scorecard
    names = tuple(result.baselines)
    code = model_card_words.opening(copy.kind, copy.folder, base)
    references = getattr(card, "references", 0)
    return {
        "run": run.name,
        "made": model_card_words.made(plan.approach, base, new=is_new(plan)),
        "task": plan.task.replace("_", " "),
        "what": model_card_words.WHAT[copy.kind],
        "train": plan.train,
        "language": "sh" if copy.kind == "gguf" else "python",
        "code": code,
        "new_tokens": copy.new_tokens,
        "card_rows": card.rows,
        "references": f", with {references:,} right answers" if references else "",
        "columns": ("this model", *names),
        "scores": _scores(result, names),
        "explained": model_card_words.baselines(names),
        "forgetting": _forgotten(result.forgetting),
        "checks": copy.checks,
        "settings": _settings(plan),
        "files": _files(plan),
        "trained": _day(run),
        "took": f" in {result.train_seconds:,.0f} s",
        "exported": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": _versions(run.folder),
        "unknown": model_card_words.unknown(
            "" if is_new(plan) else base, card.rows, tuple(map(_cell, result.warnings))
        ),
    }


def _scores(result: Result, baselines: Sequence[str]) -> list[tuple[str, ...]]:
    """A line for each metric, the one that decides first."""
    cards = [scale.metrics_of(result.scorecard)]
    cards += [scale.metrics_of(result.baselines[name]) for name in baselines]
    first = scale.main(result.scorecard)
    order = sorted(cards[0], key=lambda name: name != first)
    return [
        (
            scale.TITLES[name],
            *(scale.shown(name, card[name]) if name in card else "" for card in cards),
        )
        for name in order
    ]


def _forgotten(found: Forgetting | None) -> list[tuple[str, ...]]:
    if found is None:
        return []
    texts = (("passages of novels", found.prose), ("answers to plain questions", found.answers))
    return [
        (name, f"{of.before:.3f}", f"{of.after:.3f}", f"{of.change:+.1%}") for name, of in texts
    ]


def _settings(plan: Plan) -> list[tuple[str, ...]]:
    """Every knob of the approach: computed, chosen, or as it comes."""
    lines: list[tuple[str, ...]] = []
    for name, field in find(plan.approach).Settings.model_fields.items():
        planned = name in plan.settings
        value = plan.settings[name] if planned else field.default
        why = plan.reasons.get(name, "chosen by hand" if planned else "the default")
        if value is None:
            value, why = "", "left to the approach"
        lines.append((name, _cell(value), _cell(why)))
    lines.append(("seed", str(plan.seed), ""))
    if plan.processes > 1:
        lines.append(("processes", str(plan.processes), ""))
    return lines


def _files(plan: Plan) -> list[tuple[str, ...]]:
    """The user's own files, where they are known, and the rows that were frozen of them."""
    lines: list[tuple[str, ...]] = []
    try:
        record = json.loads((plan.train.path.parent / "split.json").read_text("utf-8"))
        sources: dict[str, dict[str, str]] = record["sources"]
        lines.extend(
            (_cell(Path(source["path"]).name), "as it was read", source["sha256"])
            for source in sources.values()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # gone, or damaged
        lines.clear()
    frozen = (plan.train, plan.evaluation)
    lines.extend((_cell(file.path.name), f"{file.rows:,}", file.sha256) for file in frozen)
    return lines


def _day(run: RunStatus) -> str:
    moment = run.last.time if run.last else (run.folder / _run_folder.RESULT).stat().st_mtime
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _versions(folder: Path) -> str:
    try:
        about = json.loads((folder / _run_folder.ENVIRONMENT).read_text("utf-8"))
        libraries: dict[str, str] = about["libraries"]
    except (OSError, ValueError, KeyError, TypeError):
        return "not known"
    named = [f"{name} {libraries[name]}" for name in _VERSIONS if name in libraries]
    return ", ".join([f"Python {about.get('python', 'not known')}", *named])
