"""Keep freed memory: on Linux, large tensors are otherwise taken from the system anew at each step.

The C library gives blocks above 32 MB back as soon as they are freed. The next step asks for them
again, and the kernel fills every page with zeros, which takes time from training a small model on a
processor. What is kept is given back when the process ends.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of glibc's malloc.h
_MIB = 1 << 20


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed; ``False`` where it has no such switch."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        switch = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    wanted = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2047 * _MIB, _TOP_PAD: 64 * _MIB}
    return all(switch(name, value) == 1 for name, value in wanted.items())
