"""A model that chooses a label: a causal one on this machine, or one behind an address."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runners import _api_labels, _causal_lm, _data, _models
from runners._endpoint import Endpoint
from runners.base import Plan, Row

Chooser = _causal_lm.LabelLikelihood | _api_labels.ApiLabels


def written_down(plan: Plan, rows: Sequence[Row], instruction: str) -> dict[str, Any]:
    """What ``opened`` needs: the model, and the labels of these rows, each in its own words.

    Raises:
        DataError: Fewer than two labels.
    """
    return {
        "base_model": plan.base_model,
        "fingerprint": _models.fingerprint(plan.base_model),
        "endpoint": plan.endpoint and plan.endpoint.model_dump(mode="json"),
        "labels": {label: _data.words(label) for label in _data.labels_of(rows)},
        "instruction": instruction,
    }


def reopened(about: dict[str, Any], folder: Path) -> Chooser:
    """The model that was written down, if it is still the same.

    Raises:
        UserError: It is another one now.
    """
    _models.require_same(about["base_model"], about["fingerprint"], folder)
    return opened(about)


def opened(about: dict[str, Any]) -> Chooser:
    """The model that an approach wrote down, with its labels and its instruction."""
    if about.get("endpoint"):  # older runs do not say that there is none
        return endpoint_of(about)
    return _causal_lm.LabelLikelihood(about["base_model"], about["labels"], about["instruction"])


def endpoint_of(about: dict[str, Any]) -> _api_labels.ApiLabels:
    """The same, of a model behind an address."""
    endpoint = Endpoint.model_validate(about["endpoint"])
    return _api_labels.ApiLabels(
        endpoint, about["base_model"], about["labels"], about["instruction"]
    )
