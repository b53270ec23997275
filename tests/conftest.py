"""What holds for every test: offline, a cache of their own, and the same examples in every run."""

import os

import pytest
from hypothesis import settings

# Before huggingface_hub is imported anywhere: it reads this once.
os.environ["HF_HUB_OFFLINE"] = "1"
# Before torch is: tiny models gain little from threads, and lose much where cores are shared.
os.environ["OMP_NUM_THREADS"] = "1"

settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")


def pytest_configure(config):
    """Third-party warnings nobody here can act on; every other warning is an error."""
    for line in (
        # torch 2.13 warns of its own torch.jit while it is being imported.
        "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning",
        # setfit's trainer asks for pinned memory and offers no way not to.
        "ignore:'pin_memory' argument is set as true but no accelerator:UserWarning",
        # peft 0.21 asks transformers 5.23 for a property by the name it had before.
        "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",
        # peft looks for a layer of experts that transformers 5 has fused into another.
        "ignore:The following .*_pattern keys did not match:RuntimeWarning",
    ):
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """One embedding cache for all tests, and never the user's."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("WHICHTUNE_CACHE", str(folder))
        yield folder


RACES = ("tests/tui/", "test_worker.py", "test_queue.py", "test_cli_runs.py")
"""Tests of screens and of other processes: a machine that starves them can make them fail."""


def pytest_collection_modifyitems(items):
    """Such a test gets one more try, which the summary reports; a fault fails twice."""
    for item in items:
        if any(part in item.path.as_posix() for part in RACES):
            item.add_marker(pytest.mark.flaky(reruns=1))
