"""Turn-taking, measured: `scripts/bench turn-taking [--only SECTION,SECTION] [--quick] [--keep]`.

Sections: endpointing, barge-in (both in stepped time), silence, wire-barge-in (a bot process and a telephone on
loopback, in real time). `--keep` puts the tables into docs/turn-taking.md; only a whole run may do that.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.reporting.report import Report
from benchmarks.turn_taking import barge_in, endpointing, silence, wire_barge_in
from benchmarks.turn_taking.stepped import load_parts
from benchmarks.turn_taking.stimuli import SpeakerMissing

PAGE = Path("docs/turn-taking.md")
SECTIONS = {
    "endpointing": "Endpointing, in stepped time",
    "barge-in": "Barge-in, in stepped time",
    "silence": "Silence, on the wire",
    "wire-barge-in": "Barge-in, on the wire",
}


def main() -> int:
    """Run the sections that were asked for."""
    arguments = _arguments()
    report = Report("turn-taking", PAGE)
    began = time.monotonic()
    try:
        for section in arguments.only:
            report.section(SECTIONS[section])
            _run(section, report, quick=arguments.quick)
    except SpeakerMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    report.write()
    if arguments.keep:
        report.write_page()
        print(f"  {PAGE}")
    print(f"\n{time.monotonic() - began:.0f} s")
    return 0


def _run(section: str, report: Report, *, quick: bool) -> None:
    match section:
        case "endpointing":
            endpointing.measure(load_parts(), report, quick=quick)
        case "barge-in":
            barge_in.measure(load_parts(), report, quick=quick)
        case "silence":
            silence.measure(report, quick=quick)
        case _:
            wire_barge_in.measure(report, quick=quick)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench turn-taking", description=__doc__)
    parser.add_argument("--only", type=_sections, default=tuple(SECTIONS), metavar="SECTION,...")
    parser.add_argument("--quick", action="store_true", help="few trials, to see that it works")
    parser.add_argument("--keep", action="store_true", help=f"write the tables into {PAGE}")
    arguments = parser.parse_args()
    if arguments.keep and (arguments.quick or arguments.only != tuple(SECTIONS)):
        parser.error("--keep goes with a whole run")
    return arguments


def _sections(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    return names


if __name__ == "__main__":
    raise SystemExit(main())
