"""What an answer is worth by a form, a right number or a user's function, without this package.

``export --to verl`` puts a copy of this file beside ``reward.json``, which says what to look at,
and verl calls ``compute_score``. So nothing of whichtune is imported here.
"""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

ABOUT = Path(__file__).with_name("reward.json")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def last_number(text: str) -> float | None:
    """The number that a text ends with, wherever it stands."""
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: dict[str, Any] | None = None,
    **more: Any,  # noqa: ANN401 - what verl passes on
) -> float:
    """The reward of an answer; the parameters are verl's."""
    del data_source, extra_info, more
    about = json.loads(ABOUT.read_text("utf-8"))
    answer = solution_str.strip()
    if about["reward"] == "number":
        said = last_number(answer)
        return float(said is not None and said == last_number(ground_truth))
    if about["reward"] == "format":
        return float(_has_form(answer, about["form"]))
    return float(_function(about["file"], about["function"])(answer, [ground_truth]))


def _has_form(answer: str, form: str) -> bool:
    if not (form.startswith("{") and form.endswith("}")):
        return re.fullmatch(form, answer, re.DOTALL) is not None
    import jsonschema

    try:
        jsonschema.validate(json.loads(answer), json.loads(form))
    except (ValueError, jsonschema.ValidationError):
        return False
    return True


def _function(file: str, name: str) -> Any:  # noqa: ANN401 - a function of the user's
    spec = importlib.util.spec_from_file_location("own_reward", ABOUT.with_name(file))
    if spec is None or spec.loader is None:
        raise ImportError(file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)
