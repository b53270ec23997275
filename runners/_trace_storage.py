"""Counts the bytes of living tensors while a step runs on tensors that have no data.

Every operation passes a dispatch mode; the storage of each result is counted when it first appears
and taken off when the last tensor over it is gone, in blocks of 512 bytes as the CUDA allocator
hands them out. What is highest is kept for each phase of the step.
"""

import weakref
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

_BLOCK = 512


class LiveBytes(TorchDispatchMode):
    """The bytes that are alive, and the highest of them in each phase."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.peaks: dict[str, int] = defaultdict(int)
        self.phase = "start"
        self._seen: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._watched: dict[int, weakref.ref[Any]] = {}

    def enter_phase(self, name: str) -> None:
        """From here on the highest counts for this phase."""
        self.phase = name
        self._note()

    def count(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count tensors that were made before this mode watched."""
        for tensor in tensors:
            self._add(tensor)
        self._note()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run the operation and count what it made."""
        del types
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._add(leaf)
        self._note()
        return result

    def _note(self) -> None:
        self.peaks[self.phase] = max(self.peaks[self.phase], self.now)

    def _add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        size = -(-storage.nbytes() // _BLOCK) * _BLOCK
        self.now += size
        key = id(storage)

        def gone(_: Any) -> None:
            self.now -= size
            self._watched.pop(key, None)

        self._watched[key] = weakref.ref(storage, gone)
        self._seen[storage] = True
