"""Bottleneck adapters: after each feed-forward block, a narrow layer whose output is added.

One adapter a layer, behind the feed-forward part and before its residual sum, as Pfeiffer et al.
2021 place it (AdapterFusion, arXiv 2005.00247; Houlsby et al. 2019 had two). The way up starts at
zero, so that an untrained adapter changes nothing. No library: PEFT has none of these.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rules.errors import UserError

if TYPE_CHECKING:
    import torch

_CONFIG, _WEIGHTS = "adapter.json", "adapter.safetensors"
_BLOCKS = ("mlp", "feed_forward", "block_sparse_moe", "ffn")
"""What architectures call their feed-forward part."""


def add(model: Any, width: int) -> Any:  # noqa: ANN401 - a transformers model
    """Freeze the model and put an adapter behind the feed-forward part of every layer.

    Raises:
        UserError: No layer of this model has a part that is known as such.
    """
    import torch

    class Adapter(torch.nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.down = torch.nn.Linear(size, width)
            self.up = torch.nn.Linear(width, size)
            torch.nn.init.zeros_(self.up.weight)
            torch.nn.init.zeros_(self.up.bias)

        def forward(self, hidden: "torch.Tensor") -> "torch.Tensor":
            inner = torch.nn.functional.relu(self.down(hidden.to(self.down.weight.dtype)))
            return hidden + self.up(inner).to(hidden.dtype)

    def behind(block: Any, inputs: Any, output: Any) -> Any:  # noqa: ANN401 - a forward hook
        del inputs
        if isinstance(output, tuple):
            return (block.bottleneck(output[0]), *output[1:])
        return block.bottleneck(output)

    for weight in model.parameters():
        weight.requires_grad = False
    size = model.config.get_text_config().hidden_size
    for block in _blocks(model):
        place = next(block.parameters()).device
        block.bottleneck = Adapter(size).to(place)
        block.register_forward_hook(behind)
    return model


def _blocks(model: Any) -> "list[torch.nn.Module]":  # noqa: ANN401
    found = [part for name, part in model.named_modules() if name.rpartition(".")[2] in _BLOCKS]
    if not found:
        fix = "use --approach lora, which adapts any linear layer"
        what = f"no layer of a {model.config.model_type} model is known to be feed-forward"
        raise UserError(what, where="--base-model", fix=fix)
    return found


def save(model: Any, folder: Path, width: int) -> None:  # noqa: ANN401
    """Write the adapters alone, as safetensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: weight.detach().cpu().contiguous()
        for name, weight in model.state_dict().items()
        if ".bottleneck." in name
    }
    save_file(weights, str(folder / _WEIGHTS))
    (folder / _CONFIG).write_text(json.dumps({"width": width}, indent=1), "utf-8")


def put_on(model: Any, folder: Path) -> Any:  # noqa: ANN401
    """The model with the adapters of a folder."""
    from safetensors.torch import load_file

    width = json.loads((folder / _CONFIG).read_text("utf-8"))["width"]
    add(model, width)
    weights = load_file(str(folder / _WEIGHTS))
    missing = set(weights) - set(model.state_dict())
    assert not missing, f"adapters of another model: {sorted(missing)[:3]}"
    model.load_state_dict(weights, strict=False)
    return model
