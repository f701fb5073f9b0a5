"""Parts of an evaluation set handed to sessions that run side by side, and their results put back in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from compressor.runtimes import Session

Part = TypeVar("Part")
Result = TypeVar("Result")
# Parts under way or finished and not yet taken, per session: enough to keep all busy, few enough to be small.
_AHEAD = 3


def spread(
    sessions: Sequence[Session], parts: Iterable[Part], run: Callable[[Session, Part], Result]
) -> Iterator[Result]:
    """The results of all parts, in order.

    Runtimes let go of Python's lock while they compute, so each session runs in a thread. Whichever is free takes the
    next part: none waits for another, and no more parts are read than are soon needed.
    """
    idle: SimpleQueue[Session] = SimpleQueue()
    for session in sessions:
        idle.put(session)

    def taken(part: Part) -> Result:
        session = idle.get()
        try:
            return run(session, part)
        finally:
            idle.put(session)

    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(len(sessions)) as pool:
        for part in parts:
            if len(waiting) == _AHEAD * len(sessions):
                yield waiting.popleft().result()
            waiting.append(pool.submit(taken, part))
        while waiting:
            yield waiting.popleft().result()
