"""A disk that is full, told from a bug: the last whole checkpoint stays, and the run can go on."""

import errno
from collections.abc import Iterator
from pathlib import Path

from rules.errors import RunError
from runners import _checkpoints

_NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WORDS = ("No space left on device", "File too large", "quota exceeded", "PytorchStreamWriter")
"""Of libraries that hand no number on: safetensors, and torch, which says which writer failed."""


def explained(error: BaseException, folder: Path) -> RunError | None:
    """What to do about it, when there was no room to write; the run's own folder is tidied first.

    What was written of a checkpoint is of no use, and its room is needed to note what happened.
    """
    if not any(_is_full(one) for one in _causes(error)):
        return None
    _checkpoints.forget_torn(folder)
    fix = f"make room there, then start it again: whichtune run {folder.name}"
    if _checkpoints.last(folder):
        fix = f"make room there, then go on: whichtune run --resume {folder.name}"
    return RunError("there is no room left to write on this disk", where=str(folder), fix=fix)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return True
    return any(word in str(error) for word in _WORDS)
