"""Every network of keras.applications over the bridge, through each training step, and into int8 files that run.

Weights are random, inputs the smallest that each network allows. Each network runs in a process of its own; a cell
that hangs or crashes ends that process, and the remaining cells go on in a fresh one. Finished cells are kept in a
file of JSON lines: run the command again and it goes on where it was interrupted. Remove that file to start anew.

Usage: python benchmarks/applications.py [NAME ...] [--cache FILE] [--page FILE] [--limit SECONDS] [--memory GIB]
                                         [--cells CELL ...]
       python benchmarks/applications.py --page-only
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import applications_page
from application_cells import CELLS, MEMORY_SIGNS

from compressor import measurement
from compressor.files import write_text
from compressor.process import child_environment, end_group, ending

CHILD = Path(__file__).resolve().parent / "application_cells.py"
Record = dict[str, Any]
_LOOK_EVERY_S = 0.5
_NEARLY_ALL = 0.9


def main(arguments: argparse.Namespace) -> int:
    """Fill the missing cells and write the page; the exit code says whether every network came over the bridge."""
    cache = Cache(arguments.cache)
    if not arguments.page_only:
        if not cache.networks:
            _list_networks(cache)
        for network in sorted(cache.networks.values(), key=lambda each: each["parameters"]):
            if not arguments.names or network["network"] in arguments.names:
                _fill(network, cache, arguments)
    write_text(arguments.page, applications_page.page(cache.networks, cache.cells))
    bridged = [cache.cells.get((name, "bridge"), {}).get("outcome") for name in cache.networks]
    return 0 if bridged and set(bridged) == {"works"} else 1


class Cache:
    """What is known so far, in memory and as JSON lines on disk; of two lines for one cell the later one counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.networks: dict[str, Record] = {}
        self.cells: dict[tuple[str, str], Record] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            self._take(json.loads(line))

    def add(self, record: Record) -> None:
        """Keep a record on disk at once."""
        self._take(record)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def missing(self, name: str, limit: float) -> list[str]:
        """Cells of a network without a result; one that ran out of time is missing when it is given more now."""

        def done(record: Record | None) -> bool:
            return record is not None and (record["outcome"] != "late" or record["limit"] >= limit)

        return [cell for cell in CELLS if not done(self.cells.get((name, cell)))]

    def _take(self, record: Record) -> None:
        if "cell" in record:
            self.cells[record["network"], record["cell"]] = record
        else:
            self.networks[record["network"]] = record


def _list_networks(cache: Cache) -> None:
    _progress("building every network once, to order them by size")
    command = [sys.executable, str(CHILD), "networks"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=child_environment())
    for line in done.stdout.splitlines():
        cache.add(json.loads(line))


def _fill(network: Record, cache: Cache, arguments: argparse.Namespace) -> None:
    """Run children until no cell of the network is missing; each child settles at least one."""
    limit, memory = arguments.limit, arguments.memory
    common = {"limit": limit, "memory": memory, "host": measurement.host()}
    while cells := [cell for cell in cache.missing(network["network"], limit) if cell in arguments.cells]:
        for told in _child(network, cells, limit, memory):
            record = {"network": network["network"], **told, **common}
            cache.add(record)
            seconds = f" in {record['seconds']} s" if "seconds" in record else ""
            _progress(f"{record['network']} {record['cell']}: {record['outcome']}{seconds}")


def _child(network: Record, cells: list[str], limit: float, memory: float) -> Iterator[Record]:
    """The results of the cells in order, up to and including the first that hangs or crashes.

    Without it, where others went before it in this process: what they left in memory may be to blame, so the cell is
    to be tried again in a fresh one.
    """
    words = [str(CHILD), network["network"], str(network["size"]), str(memory), *cells]
    with tempfile.TemporaryDirectory() as folder, closing(_Child(words, Path(folder))) as child:
        waiting = list(cells)
        while waiting:
            try:
                line = child.line(limit)
            except queue.Empty:
                yield {"cell": waiting[0], "outcome": "late"}
                return
            record = {"cell": waiting[0], **child.death(memory)} if line is None else json.loads(line)
            if "outcome" not in record:
                continue
            if record["outcome"] in ("crashed", "out of memory") and waiting != cells:
                return
            waiting.remove(record["cell"])
            yield record
            if line is None:
                return


class _Child:
    """A process that leaves nothing behind: its temporary files lie in `folder`, its messages in a file there."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self._errors = folder / "stderr.txt"
        self._held = 0.0
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with self._errors.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env=child_environment() | {"TMPDIR": str(folder)},
            )
        threading.Thread(target=self._read, daemon=True).start()

    def line(self, limit: float) -> str | None:
        """The next line, or None when the process has ended; `queue.Empty` when none comes for `limit` seconds."""
        deadline = time.monotonic() + limit
        while True:
            try:
                return self._lines.get(timeout=min(_LOOK_EVERY_S, max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                self._held = max(self._held, _data_gib(self._process.pid))
                if time.monotonic() >= deadline:
                    raise

    def death(self, memory: float) -> Record:
        """How the process ended. Libraries that do not look at what malloc gives them end with a segmentation fault."""
        code = self._process.wait()
        text = self._errors.read_text(errors="replace")[-20_000:]
        if any(sign in text for sign in MEMORY_SIGNS) or (code < 0 and self._held > _NEARLY_ALL * memory):
            return {"outcome": "out of memory"}
        return {"outcome": "crashed", "reason": f"{ending(code)}, with {self._held:.1f} GiB in use"}

    def close(self) -> None:
        """End it, and what it started."""
        end_group(self._process)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # Closed by the parent, which does not listen any more.
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)


def _data_gib(process: int) -> float:
    """What the memory limit counts, in GiB; 0 where the system does not tell."""
    try:
        found = re.search(r"VmData:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found.group(1)) / (1 << 20) if found else 0.0


def _progress(message: str) -> None:
    print(time.strftime("%H:%M:%S"), message, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The matrix of keras.applications.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks to run; all when none is named")
    parser.add_argument("--cache", type=Path, default=Path("runs/applications.jsonl"), help="finished cells")
    parser.add_argument("--page", type=Path, default=Path("docs/applications.md"), help="the page to write")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS, help="cells to run")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one cell may take")
    parser.add_argument("--memory", type=float, default=10, help="GiB of data that one process may hold")
    parser.add_argument("--page-only", action="store_true", help="run nothing, write the page from what is there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_arguments()))
