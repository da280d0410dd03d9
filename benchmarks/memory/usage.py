"""What a process holds, as Linux accounts for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory in bytes, and what else a call could leave behind.

    `rss` counts every page that is mapped, `pss` shares those of libraries and models among their users, `anonymous` is
    what belongs to the process alone and no file: the heap, where a leak shows.
    """

    rss: int
    pss: int
    anonymous: int
    threads: int
    files: int


def usage_of(pid: int) -> Usage:
    """Read what a process holds now. Raises OSError when it is gone."""
    rollup = _fields(_PROC / str(pid) / "smaps_rollup")
    return Usage(
        rss=rollup["Rss"] * _KIB,
        pss=rollup["Pss"] * _KIB,
        anonymous=rollup["Anonymous"] * _KIB,
        threads=_fields(_PROC / str(pid) / "status")["Threads"],
        files=sum(1 for _ in (_PROC / str(pid) / "fd").iterdir()),
    )


def children(pid: int) -> tuple[int, ...]:
    """Return the processes that `pid` started and that still run. Raises OSError when it is gone."""
    return tuple(int(child) for child in (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split())


def _fields(path: Path) -> dict[str, int]:
    """Read the lines of `name: number`; others are passed over."""
    found = {}
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            found[name] = int(words[0])
    return found
