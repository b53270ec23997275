"""Silence: our libraries send nothing, ask for nothing, and keep their hints to themselves."""

import logging
import os
import warnings

SETTINGS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "true",
    "ANONYMIZED_TELEMETRY": "False",
    "DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_DISABLED": "true",
}
"""Switches of the hub, transformers, tokenizers, Chroma, Ray and Weights & Biases."""


def settle() -> None:
    """Set the switches; before the libraries are imported, since some look only then."""
    os.environ.update(SETTINGS)
    # It warns that an optional kernel is not installed, whenever transformers looks for it.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    # TRL and PEFT ask by a name that transformers is about to drop: nothing that a user could mend.
    old = r".*is_gradient_checkpointing"
    warnings.filterwarnings("ignore", message=old, category=FutureWarning)
