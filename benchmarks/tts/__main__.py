"""The bot's voice, measured: `scripts/bench tts [--only voice,cache] [--engine NAME] [--model M] [--voice V]`.

Sections: voice (first audio, real-time factor, level, words that get lost over G.711) and cache (look-up, the frame it
starts with, its bound under several writers, writers that are killed).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.reporting.report import Report, machine
from benchmarks.tts import cache, voice
from voicebot.tts.catalogue import ENGINES, TtsUnavailable, build_tts
from voicebot.tts.protocol import SpeakingFailed

SECTIONS = ("voice", "cache")


def main() -> int:
    """Run the sections that were asked for."""
    arguments = _arguments()
    report = Report("tts", Path("docs/speech.md"))
    print(machine())
    if arguments.only in {None, "voice"}:
        report.section(f"Voice: {arguments.engine} {arguments.model} {arguments.voice}".rstrip())
        try:
            voice.measure(build_tts(arguments.engine, arguments.voice, arguments.model), report)
        except (TtsUnavailable, SpeakingFailed) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    if arguments.only in {None, "cache"}:
        report.section("Cache")
        cache.measure(report)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench tts", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS)
    parser.add_argument("--engine", choices=ENGINES, default="piper")
    parser.add_argument("--model", default="", help="as tts.model in a dialplan")
    parser.add_argument("--voice", default="", help="as tts.voice in a dialplan")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
