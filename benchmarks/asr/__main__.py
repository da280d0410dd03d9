"""Recognition, measured: `scripts/bench asr [--engines NAME[=MODEL],...] [--quick] [--keep]`.

Every engine that is here and carries a model is measured, unless `--engines` names others (`vosk=/path/of/a/model`).
`--keep` puts the tables into docs/recognition.md; only a whole run may do that.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.asr.accuracy import measure_numbers, measure_speed, measure_words
from benchmarks.asr.corpus import RecordingsMissing
from benchmarks.asr.known import measure_known
from benchmarks.reporting.report import Report
from benchmarks.turn_taking.stimuli import SpeakerMissing
from voicebot.asr.catalogue import build
from voicebot.asr.failures import EngineUnavailableError
from voicebot.runtime.installed import missing_for_asr

PAGE = Path("docs/recognition.md")
EMBEDDED = ("moonshine", "whisper", "voted")
"""Engines that carry a model."""


def main() -> int:
    """Measure the engines that were asked for."""
    arguments = _arguments()
    report = Report("asr", PAGE)
    began = time.monotonic()
    try:
        for name, model in arguments.engines or _installed():
            _measure(name, model, report, quick=arguments.quick)
    except (SpeakerMissing, RecordingsMissing, EngineUnavailableError) as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    report.write()
    if arguments.keep:
        report.write_page()
        print(f"  {PAGE}")
    print(f"\n{time.monotonic() - began:.0f} s")
    return 0


def _measure(name: str, model: str, report: Report, *, quick: bool) -> None:
    engine = build(name, model)
    try:
        engine.warm_up()
        report.section(f"{name}{f', {Path(model).name}' if model else ''}")
        measure_words(engine, report, quick=quick)
        measure_numbers(engine, report, quick=quick)
        measure_known(engine, report, quick=quick)
        measure_speed(engine, report, quick=quick)
    finally:
        engine.close()


def _installed() -> list[tuple[str, str]]:
    return [(name, "") for name in EMBEDDED if missing_for_asr(name, "") is None]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench asr", description=__doc__)
    parser.add_argument("--engines", type=_engines, default=(), metavar="NAME[=MODEL],...")
    parser.add_argument("--quick", action="store_true", help="few utterances, to see that it works")
    parser.add_argument("--keep", action="store_true", help=f"write the tables into {PAGE}")
    arguments = parser.parse_args()
    if arguments.keep and (arguments.quick or arguments.engines):
        parser.error("--keep goes with a whole run")
    return arguments


def _engines(text: str) -> list[tuple[str, str]]:
    return [(name, model) for name, _, model in (part.partition("=") for part in text.split(","))]


if __name__ == "__main__":
    raise SystemExit(main())
