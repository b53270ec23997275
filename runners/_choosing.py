"""A model that chooses a label: a causal one on this machine, or one behind an address."""

from typing import Any

from runners import _api_labels, _causal_lm
from runners._endpoint import Endpoint


def opened(about: dict[str, Any]) -> "_causal_lm.LabelLikelihood | _api_labels.ApiLabels":
    """The model that an approach wrote down, with its labels and its instruction."""
    base_model, labels, instruction = (about[k] for k in ("base_model", "labels", "instruction"))
    if about.get("endpoint"):  # older runs do not say that there is none
        endpoint = Endpoint.model_validate(about["endpoint"])
        return _api_labels.ApiLabels(endpoint, base_model, labels, instruction)
    return _causal_lm.LabelLikelihood(base_model, labels, instruction)
