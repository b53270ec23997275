"""Long work beside the screen, in a thread that the end of the program does not wait for.

Textual's own thread workers are waited for at the end, so that leaving the app in the middle of a
long check would take as long as the check.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from threading import enumerate as threads

NAME = "beside"
"""Of every such thread."""


async def beside(job: Callable[[], None]) -> None:
    """Do it, and come back when it is done; whoever is cancelled here leaves it to itself."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised below, where the app sees it
            failed.append(error)
        with suppress(RuntimeError):  # the app is gone
            loop.call_soon_threadsafe(over.set)

    context = copy_context()
    Thread(target=lambda: context.run(run), name=NAME, daemon=True).start()
    await over.wait()
    if failed:
        raise failed[0]


def leave() -> None:
    """End the process now if such work is still under way.

    A thread that is inside a library of C++ when Python ends would make it abort with a message.
    """
    if any(thread.name == NAME for thread in threads()):
        os._exit(0)
