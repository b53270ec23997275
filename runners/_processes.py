"""Several processes train one model: each takes its share of every step's rows.

torchrun starts them; the first one (rank 0) alone writes. Rows of a step stay the same whatever
the number of processes, so that what is learned stays the same too.
"""

import os
import sys
from pathlib import Path
from typing import Any, Protocol

from rules.errors import SettingError, UserError
from runners.base import Plan, find, names


def able(approach: str) -> bool:
    """Whether an approach's training can be shared out: its runner says ``SHARES_STEPS``."""
    return getattr(find(approach), "SHARES_STEPS", False)


def command(plan: Plan, folder: Path) -> list[str]:
    """What carries the run in this folder out."""
    worker = ["-m", "runners._worker", str(folder)]
    if plan.processes == 1:
        return [sys.executable, *worker]
    shared = ["--standalone", "--nproc_per_node", str(plan.processes)]
    return [sys.executable, "-m", "torch.distributed.run", *shared, *worker]


class Asked(Protocol):
    """What a plan and a request for one have in common."""

    @property
    def approach(self) -> str: ...
    @property
    def processes(self) -> int: ...
    @property
    def max_minutes(self) -> float | None: ...
    @property
    def settings(self) -> dict[str, Any]: ...


def check(plan: Asked, batch: int | None = None) -> None:
    """Refuse what cannot be shared out.

    Raises:
        UserError: The approach trains in one process, or would stop by a clock.
        SettingError: The rows of a step cannot be shared out evenly.
    """
    if plan.processes == 1:
        return
    where = f"--processes {plan.processes}"
    if not able(plan.approach):
        others = ", ".join(filter(able, names()))
        fix = f"leave --processes out, or take one of these: {others}"
        raise UserError(f"{plan.approach} trains in one process", where=where, fix=fix)
    if plan.max_minutes is not None:
        what = "several processes have several clocks, and cannot stop at the same step"
        raise UserError(
            what, where=where, fix="leave --minutes out, and train less: --setting epochs=1"
        )
    batch = batch or plan.settings.get("batch")  # its default is known to the approach alone
    if batch and batch % plan.processes:
        best = -(-batch // plan.processes) * plan.processes
        what = f"{batch} rows of a step cannot be shared out evenly among {plan.processes}"
        raise SettingError(what, where=where, fix=f"--setting batch={best}")


def splits(plan: Plan, *, cuda: bool) -> bool:
    """Whether the processes hold a part of the model each (FSDP), or all of it (DDP).

    Only where all weights learn is there much to split: gradients and moments besides the weights.
    On CPU, accelerate splits no model.
    """
    return plan.processes > 1 and cuda and getattr(find(plan.approach), "SPLITS_MODEL", False)


def arguments(plan: Plan, *, cuda: bool) -> dict[str, Any]:
    """How the processes work together, as arguments of a transformers trainer."""
    if plan.processes == 1:
        return {}
    chosen: dict[str, Any] = {"ddp_backend": "nccl" if cuda else "gloo"}
    if splits(plan, cuda=cuda):
        chosen["fsdp"] = True
        chosen["fsdp_config"] = {
            "version": 2,
            "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",  # a part for each layer
            "reshard_after_forward": True,  # weights, gradients and moments are all split
            "state_dict_type": "FULL_STATE_DICT",  # the first process writes whole checkpoints
            "cpu_ram_efficient_loading": False,  # each process has opened the model already
        }
    return chosen


def whole_weights(trainer: Any) -> dict[str, Any]:  # noqa: ANN401 - a transformers Trainer
    """Weights of a model that was split, put together in the first process; all must ask."""
    return trainer.accelerator.get_state_dict(trainer.model_wrapped)


def rank() -> int:
    """Which of the processes this is; the first one where there is only one."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many processes there are, of which this is one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def micro_batch(plan: Plan, batch: int, micro: int) -> int:
    """Rows that go through one process at once: the most that share a step out evenly."""
    share = batch // plan.processes
    if plan.processes == 1:
        return micro
    return max(n for n in range(1, min(micro, share) + 1) if share % n == 0)


def agreed(plan: Plan, value: Any) -> Any:  # noqa: ANN401 - whatever the first process found
    """The first process's value, in all of them: what is free in memory differs by the moment."""
    if plan.processes == 1:
        return value
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    if torch.cuda.is_available():
        PartialState()
    else:
        PartialState(cpu=True, backend="gloo")
    found = [value]
    broadcast_object_list(found)
    return found[0]


def leave(plan: Plan) -> None:
    """After training: the first process goes on alone, the others end here."""
    if plan.processes == 1:
        return
    import torch.distributed as dist

    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
    if rank():
        raise SystemExit(0)
