"""What indexing did, in words."""

from collections import Counter
from collections.abc import Iterator, Sequence

from runners.retrieval.files import Skipped
from runners.retrieval.index import Built, Stale

_SHOWN = 5


def built(done: Built, index: str) -> Iterator[str]:
    """What is in the index now, and what was left out of it."""
    yield f"index: {index}"
    yield f"{done.documents:,} documents in {done.chunks:,} chunks"
    parts = {
        "new": done.added,
        "changed": done.changed,
        "deleted": done.deleted,
        "unchanged": done.unchanged,
    }
    yield "  " + ", ".join(f"{count:,} {word}" for word, count in parts.items())
    if done.duplicates:
        yield f"  {done.duplicates:,} with a text that another document has too"
    yield f"  {done.seconds:.1f} s, of which the encoder {done.encode_seconds:.1f} s"
    yield from _skipped(done.skipped)
    if done.guessed:
        yield f"encoding guessed: {len(done.guessed):,}; look whether their letters are right"
        for item in done.guessed[:_SHOWN]:
            yield f"  {item.path}: {item.reason}"
        if len(done.guessed) > _SHOWN:
            yield f"  and {len(done.guessed) - _SHOWN:,} more: --json names all"


def _skipped(skipped: Sequence[Skipped]) -> Iterator[str]:
    if not skipped:
        return
    yield f"left out: {len(skipped):,}"
    counts = Counter(item.reason for item in skipped)
    for reason, count in counts.most_common(_SHOWN):
        example = next(item.path for item in skipped if item.reason == reason)
        others = f" and {count - 1:,} more" if count > 1 else ""
        yield f"  {example}{others}: {reason}"
    if len(counts) > _SHOWN:
        yield f"  and {len(counts) - _SHOWN:,} other reasons: --json names all"


def stale(found: Sequence[Stale], days: int) -> Iterator[str]:
    """The documents that are old, the oldest first."""
    yield f"not changed for more than {days:,} days: {len(found):,}"
    for item in found[:_SHOWN]:
        yield f"  {item.document}: {item.days:,} days"
    if len(found) > _SHOWN:
        yield f"  and {len(found) - _SHOWN:,} more: --json names all"
