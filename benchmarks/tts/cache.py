"""The cache of rendered speech: what a look-up takes, when the phrase leaves, and whether the bound holds."""

from __future__ import annotations

import itertools
import multiprocessing
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.reporting.report import Report, Row
from benchmarks.reporting.statistics import quantile
from voicebot.core.commands import Layer, Speak
from voicebot.core.events import FRAME_MS
from voicebot.journal.writer import CallJournal, JournalWriter
from voicebot.media.frames import FRAME_BYTES
from voicebot.media.playout import PlayoutRing, Popped
from voicebot.runtime.speaking import Speaking
from voicebot.testing.fake_tts import FakeTts
from voicebot.tts.cache import SpeechCache, sole_writer
from voicebot.tts.diction import Diction
from voicebot.tts.framing import render
from voicebot.tts.speaker import Speaker

ENTRIES = 200
"""Phrases of 0.5 to 8 s: more than a dialplan has."""
LOOKUPS = 5_000
STARTS = 100
WRITERS = 3
KILLS = 10
BOUND = 4 * 2**20
LOOKS = 200
_LIMIT_US = "1000"


def measure(report: Report) -> None:
    """Run all of it in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="voicebot-bench-") as scratch:
        folder = Path(scratch)
        _lookups(folder / "lookups", report)
        _starts(folder, report)
        _writers(folder / "writers", report)


def _lookups(folder: Path, report: Report) -> None:
    rng = np.random.default_rng(1)
    cache = SpeechCache(folder, memory_bytes=2**30, disk_bytes=2**30)
    keys = [f"{number:064x}" for number in range(ENTRIES)]
    for key in keys:
        cache.put(key, rng.bytes(int(rng.integers(25, 400)) * FRAME_BYTES))
    disk_only = SpeechCache(folder, memory_bytes=0, disk_bytes=2**30)
    for name, look in (("in memory", cache.in_memory), ("on disk", disk_only.get)):
        taken = []
        for number in range(LOOKUPS):
            began = time.perf_counter()
            found = look(keys[number % ENTRIES])
            taken.append((time.perf_counter() - began) * 1e6)
            if found is None:
                raise AssertionError(f"a look-up {name} missed")
        report.add(Row(f"look-up {name}, p50", quantile(taken, 0.5), "us", ""))
        report.add(Row(f"look-up {name}, p99", quantile(taken, 0.99), "us", _LIMIT_US))


def _starts(folder: Path, report: Report) -> None:
    """Decide at any moment between two pulls, and count the pulls until the phrase leaves."""
    phrases = [f"This is phrase number {number}." for number in range(STARTS)]
    warm = SpeechCache(folder / "starts")
    warm.warm(FakeTts(), phrases)
    recorded = Diction(recordings={f"this is phrase number {n}": render(FakeTts(), p) for n, p in enumerate(phrases)})
    on_disk = SpeechCache(folder / "starts", memory_bytes=0)
    for name, cache, diction, target in (
        ("cached in memory", warm, Diction(), "0"),
        ("recorded", None, recorded, "0"),
        ("cached on disk only", on_disk, Diction(), ""),
    ):
        pulls = _pulls_before(phrases, cache, diction, folder)
        report.add(Row(f"pulls before it leaves, {name}, worst", quantile(pulls, 1.0), "", target))


def _pulls_before(phrases: list[str], cache: SpeechCache | None, diction: Diction, folder: Path) -> list[float]:
    rng = np.random.default_rng(2)
    counts: list[float] = []
    with ExitStack() as open_things:
        writer = JournalWriter(folder / "journals", None)
        open_things.callback(writer.close)
        speaker = Speaker(FakeTts(), cache)
        open_things.callback(speaker.close)
        over = threading.Event()
        for number, text in enumerate(phrases):
            ring = PlayoutRing()
            speaking = Speaking(
                ring, {"": speaker}, 5.0, CallJournal(writer, f"call-{number}"), lambda _: None, diction
            )
            over.clear()
            port = threading.Thread(target=_pull, args=(ring, over), name="port")
            port.start()
            time.sleep(FRAME_MS / 1000 * float(rng.uniform(1, 3)))
            decided = ring.ticks
            speaking.speak(Speak(1, 0, text, Layer.SCAFFOLDING))
            time.sleep(4 * FRAME_MS / 1000)
            over.set()
            port.join()
            left = next(entry for entry in ring.take_log() if isinstance(entry, Popped))
            counts.append(left.tick_from - decided)
            speaking.close()
    return counts


def _pull(ring: PlayoutRing, over: threading.Event) -> None:
    """Pull a frame every 20 ms, as a call's port does."""
    due = time.monotonic()
    while not over.is_set():
        ring.pop()
        due += FRAME_MS / 1000
        time.sleep(max(0.0, due - time.monotonic()))


def fill(folder: Path, bound: int, seed: int) -> None:
    """Write entries of all sizes until somebody ends this."""
    cache = SpeechCache(folder, memory_bytes=0, disk_bytes=bound)
    for number in itertools.count(seed):
        cache.put(f"{number % 500:064x}", bytes([number % 251]) * ((1 + number % 97) * FRAME_BYTES))


def _held(folder: Path) -> int:
    """Return the bytes in a folder at a moment when nobody writes: what a kill at this moment would leave."""
    with sole_writer(folder):
        return sum(file.stat().st_size for file in folder.iterdir())


def _writers(folder: Path, report: Report) -> None:
    folder.mkdir()
    spawn = multiprocessing.get_context("spawn")
    witness = SpeechCache(folder, memory_bytes=0, disk_bytes=BOUND)
    most, looks, damaged, kept = 0, 0, 0, 0
    for kill in range(KILLS):
        writers = [spawn.Process(target=fill, args=(folder, BOUND, kill + 1_000 * n)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for _ in range(LOOKS):
            before = _held(folder)
            while (held := _held(folder)) == before:
                time.sleep(0.001)
            most = max(most, held)
        looks += LOOKS
        for writer in writers:
            writer.kill()
            writer.join()
        most = max(most, _held(folder))
        found = [witness.get(file.stem) for file in folder.glob("*.pcm")]
        kept += len(found)
        damaged += sum(pcm is None or len(set(pcm)) != 1 for pcm in found)
    report.add(Row("most that was in the folder, of its bound", quantile([most / BOUND], 1.0), "%", "100 %"))
    report.tell(f"{WRITERS} writers, {KILLS} times killed by SIGKILL, {looks} looks at a folder that had changed")
    report.tell(f"{kept} entries read after the kills, {damaged} of them damaged")
