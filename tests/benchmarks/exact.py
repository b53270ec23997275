"""Exact mode on architectures the closed form has never seen: two depths against all layers.

    python tests/benchmarks/exact.py [ARCHITECTURE ...]

Each architecture is built by transformers from a configuration of real widths and twelve layers,
traced at two depths and at full depth. Prints the difference, the seconds of each, and the peak
memory of this process. The measured T4 rows: python tests/benchmarks/memory.py --exact.
"""

import resource
import sys
import time

from rules.errors import UserError
from rules.model_shape import ModelShape
from rules.setup import Setup
from runners import _trace

PLAIN = {
    "hidden_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 16,
    "num_key_value_heads": 8, "intermediate_size": 5632, "vocab_size": 50304,
    "max_position_embeddings": 4096,
}  # fmt: skip
CONFIGS = {
    "gpt_neox": PLAIN,
    "olmo2": PLAIN,
    "starcoder2": PLAIN,
    "cohere": PLAIN,
    "exaone4": PLAIN | {"head_dim": 128},
    "glm": PLAIN | {"head_dim": 128},
    "gemma3_text": PLAIN | {"head_dim": 128, "sliding_window": 512},
    "gpt2": {"n_embd": 1024, "n_layer": 12, "n_head": 16, "vocab_size": 50257},
    "mixtral": PLAIN | {"num_local_experts": 8, "num_experts_per_tok": 2},
    "qwen3_moe": PLAIN | {
        "num_experts": 16, "num_experts_per_tok": 4, "moe_intermediate_size": 768, "head_dim": 128,
    },
    "gpt_oss": PLAIN | {"num_local_experts": 8, "head_dim": 64, "sliding_window": 128},
}  # fmt: skip


def nameless(context: int = 4096) -> ModelShape:
    """The counts do not matter to a trace: it reads the configuration."""
    return ModelShape(
        name="a model", architecture="unseen", layers=12, hidden=2048, heads=16, kv_heads=8,
        head_dim=128, intermediate=5632, vocabulary=50304, tied=True, context=context,
    )  # fmt: skip


def main() -> None:
    """Print a line for each architecture and way."""
    wanted = sys.argv[1:] or list(CONFIGS)
    sizes = f"{'two depths':>12}{'all layers':>12}{'off':>8}"
    print(f"{'architecture':14}{'way':6}{sizes}{'s':>6}{'s':>7}")
    for kind in wanted:
        config = {"model_type": kind, **CONFIGS[kind]}
        for way in ("lora", "full"):
            setup = Setup(nameless(), way, tokens=1024, batch=2)
            started = time.perf_counter()
            try:
                quick = _trace.trace(setup, config).allocated
                between = time.perf_counter()
                whole = _trace.full_depth(setup, config).allocated
            except UserError as error:
                print(f"{kind:14}{way:6}{error.what}")
                continue
            times = between - started, time.perf_counter() - between
            sizes = f"{quick / 2**30:8.2f} GiB{whole / 2**30:8.2f} GiB{quick / whole - 1:+8.2%}"
            print(f"{kind:14}{way:6}{sizes}{times[0]:6.1f}{times[1]:7.1f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of this process: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
