"""scripts/bench fact-gate [--show]: how many lies are heard, and how many truths are not.

The files named `tuned` were looked at while the gate was made; those named `held_out` were written before it was first
run. `--show` prints what went wrong.
"""

from __future__ import annotations

import statistics
import sys
import time
from itertools import product

from benchmarks.fact_gate.corpus import cases, shop
from benchmarks.fact_gate.judged import Judge


def main() -> None:
    """Print the figures."""
    judge, show = Judge(shop()), "--show" in sys.argv[1:]
    print("what                 answers  wrong    share")
    for kind, half in product(("lies", "truths"), ("tuned", "held_out", "fresh")):
        took, wrong = [], []
        every = cases(kind, half)
        for case in every:
            began = time.perf_counter()
            judged = judge.of(case)
            took.append((time.perf_counter() - began) * 1000)
            if judged.lied if kind == "lies" else judged.withheld:
                wrong.append(judged)
        print(f"{kind + ', ' + half:20} {len(every):7} {len(wrong):6}   {len(wrong) / len(every):6.1%}")
        print(f"    a whole answer: median {statistics.median(took):.2f} ms, most {max(took):.2f} ms")
        for each in wrong if show else ():
            print(f"    {each.case.caller} => {each.case.answer}\n        {each.withheld} {each.spoken}")


if __name__ == "__main__":
    main()
