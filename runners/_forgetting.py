"""What a tuned model forgot: bits per byte of texts that have nothing to do with its rows.

Two fixed files come with the package: prose from books that the bundled model never read, and
plain questions with their answers. The tuned model and the untouched one read the same of both.
The numbers of the untouched one are kept beside the data, under the fingerprint of its files.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from runners import _causal_lm, _generation, _models, _run_folder
from runners._cards import Forgetting, Retained
from runners.base import Bits, Plan, Predictor, Progress, Report, Row, TextPredictor, find

FOLDER = Path(__file__).parent / "general"
PROSE, ANSWERS = "prose.txt", "answers.jsonl"
WORSE = 0.05
"""From this share more bits per byte of prose on, advice is given."""
_SHARES = ((200_000_000, 1), (2_000_000_000, 4))
"""Bytes of weights up to which one in so many characters of each passage is read."""
_LARGEST = 16
"""The same for larger models."""


def remedy(approach: str) -> str | None:
    """What makes an approach forget less, as its runner says in ``FORGETS_LESS_WITH``.

    Those that change no model, or begin one, say nothing.
    """
    return getattr(find(approach), "FORGETS_LESS_WITH", None)


def rows(weights_bytes: int) -> dict[str, list[Row]]:
    """The fixed texts by name; of the prose, a large model reads the beginning of each passage."""
    one_in = next((of for most, of in _SHARES if weights_bytes <= most), _LARGEST)
    passages = (FOLDER / PROSE).read_text("utf-8").strip().split("\n\n\n")
    answers = (FOLDER / ANSWERS).read_text("utf-8").splitlines()
    return {
        "prose": [
            Row(id=f"prose-{n}", input=text[: len(text) // one_in])
            for n, text in enumerate(passages, 1)
        ],
        "answers": [Row.model_validate_json(line) for line in answers],
    }


def after(plan: Plan, predictor: Predictor, report: Report) -> dict[str, Bits] | None:
    """What the tuned model takes for each text; nothing where nothing can be forgotten."""
    if not remedy(plan.approach) or not isinstance(predictor, TextPredictor):
        return None
    if plan.task == "classification" or _models.kind(plan.base_model) != "causal":
        return None
    report(Progress(message="measuring what was forgotten"))
    return _taken(predictor, rows(_weights_bytes(plan.base_model)))


def against(plan: Plan, tuned: dict[str, Bits] | None, report: Report) -> Forgetting | None:
    """The same held against the untouched model; advice, when much was forgotten."""
    if tuned is None:
        return None
    before = _untouched(plan)
    found = Forgetting(
        **{
            name: Retained(
                before=_each(before[name]), after=_each(tuned[name]), bytes=tuned[name].bytes
            )
            for name in tuned
        }
    )
    worse = found.prose.change
    if worse > WORSE:
        text = f"general prose takes {worse:.0%} more bits per byte than before: much was forgotten"
        report(Progress(message=f"{text}; try {remedy(plan.approach)}", warning=True))
    return found


def _untouched(plan: Plan) -> dict[str, Bits]:
    """Measured once for each model, data set and version of the texts."""
    folder = plan.train.path.parent / "baselines"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{_models.fingerprint(plan.base_model)}-general-{_version()}.json"
    if kept.exists():
        return {name: Bits(*said) for name, said in json.loads(kept.read_text("utf-8")).items()}
    model, tokenizer = _causal_lm.open_model(plan.base_model)
    found = _taken(_generation.Writer(model, tokenizer, 1), rows(_weights_bytes(plan.base_model)))
    _run_folder.write_atomic(kept, json.dumps(found))
    return found


def _taken(predictor: TextPredictor, texts: dict[str, list[Row]]) -> dict[str, Bits]:
    found: dict[str, Bits] = {}
    for name, some in texts.items():
        said = predictor.bits(some)
        found[name] = Bits(sum(one.bits for one in said), sum(one.bytes for one in said))
    return found


def _each(said: Bits) -> float:
    return said.bits / said.bytes


@cache
def _version() -> str:
    content = b"".join((FOLDER / name).read_bytes() for name in (PROSE, ANSWERS))
    return hashlib.sha256(content).hexdigest()[:8]


def _weights_bytes(base_model: str) -> int:
    folder = _models.locate(base_model)
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
