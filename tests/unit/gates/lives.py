"""Whole lives of canaries, generated with a seed: how often gates are wrong, and how many requests they take.

`python -m tests.unit.gates.lives` measures 10,000 lives for each row, and writes the table of docs/gates.md.
"""

import math
import random
import re
import statistics
import sys
from dataclasses import dataclass

from canary_release.gates.contract import DEFAULTS
from canary_release.gates.e_process import START, Block, Counts, excludes

from ..conftest import ROOT
from .generated import binomial

DOCS = ROOT / "docs" / "gates.md"
SECTION = re.compile(r"(<!-- measured: generated -->\n).*?(<!-- /measured -->)", re.DOTALL)
STEPS = 5
BLOCKS = 8
"""Blocks of a step: with the usual scrape interval of 15 s four minutes. It is looked at after each."""
LIVES = 10_000


@dataclass(frozen=True)
class Life:
    """The shares of bad requests, and what else happens to both tracks."""

    stable: float
    canary: float
    checks: int = 1
    rate: int = 40
    """Requests of one pod between two scrapes."""
    stable_pods: int = 4
    """The canary begins with one pod and gets another in each step."""
    drift: float = 0.0
    """Standard deviation of the logarithm of what both shares are multiplied with, drawn for each block."""
    swing: float = 0.0
    """The same of the load."""
    outage: float = 0.0
    """Share of bad requests of both in two scrapes of each step; the canary's scrapes are half a one late."""
    mean_burst: int = 1
    burst: int = 1
    """As the gate says it."""


def Equal(share: float, **others: float) -> Life:  # noqa: N802
    """Both tracks are equal."""
    return Life(share, share, **others)  # type: ignore[arg-type]


@dataclass
class Outcome:
    """What came of a life: the canary's requests until each was first said."""

    failed: int | None = None
    passed: int | None = None
    passed_ever: bool = False
    """In any step, before it failed."""
    fisher: int | None = None


def outcome_of(life: Life, chance: random.Random, with_fisher: bool = False) -> Outcome:
    """One canary, looked at after each block of each step, with every gate."""
    outcome = Outcome()
    evidence = [START for _ in range(life.checks)]
    threshold = -math.log(DEFAULTS["falseAlarms"] / life.checks)
    requests, sums = 0, [(Counts(0, 0), Counts(0, 0))] * life.checks
    for step in range(STEPS):
        counts, passed = [(Counts(0, 0), Counts(0, 0))] * life.checks, False
        slots = [_slots(life, step + 1, chance) for _ in range(life.checks)]
        for block in range(BLOCKS):
            one = Counts(0, 0)
            for number, (canary, stable) in enumerate(slots):
                one, spans = _block(canary, stable, block)
                evidence[number] = evidence[number].with_block(Block(one, spans), DEFAULTS["tolerance"], life.burst)
                counts[number] = counts[number][0] + one, counts[number][1] + spans[0]
                sums[number] = sums[number][0] + one, sums[number][1] + spans[0]
            requests += one.total
            if outcome.failed is None and any(each.highest >= threshold for each in evidence):
                outcome.failed = requests
            if with_fisher and outcome.fisher is None and any(fisher(*each) <= 0.01 for each in sums):
                outcome.fisher = requests
            # With fewer requests nothing is excluded.
            if not passed and outcome.failed is None and counts[0][0].total > 750 * life.burst:
                passed = all(excludes(*each, DEFAULTS["worseBy"], life.burst) for each in counts)
                outcome.passed_ever |= passed
                if passed and outcome.passed is None:
                    outcome.passed = requests
        if outcome.failed is not None and (outcome.fisher is not None or not with_fisher):
            break
    return outcome


def _slots(life: Life, pods: int, chance: random.Random) -> tuple[list[Counts], list[Counts]]:
    """Counts of both tracks from scrape to scrape: one more at each end."""
    tracks: tuple[list[Counts], list[Counts]] = [], []
    factor = load = 1.0
    began = chance.randrange(4, 2 * BLOCKS - 4)
    for slot in range(2 * BLOCKS + 2):
        if slot % 2:
            factor = math.exp(chance.gauss(-(life.drift**2) / 2, life.drift)) if life.drift else 1.0
            load = math.exp(chance.gauss(0, life.swing)) if life.swing else 1.0
        for track, share, count, late in ((0, life.canary, pods, 0.5), (1, life.stable, life.stable_pods, 0.0)):
            total = round(life.rate * count * load)
            out = max(0.0, min(slot + 1 - late, began + 2) - max(slot - late, began)) if life.outage else 0.0
            share = min(1.0, share * factor)
            tracks[track].append(
                Counts(_bad(life, total, (1 - out) * share + out * max(life.outage, share), chance), total)
            )
    return tracks


def _bad(life: Life, total: int, share: float, chance: random.Random) -> int:
    if life.mean_burst == 1:
        return binomial(chance, total, share)
    begun = binomial(chance, total, share / life.mean_burst)
    lengths = (1 + int(math.log(1 - chance.random()) / math.log1p(-1 / life.mean_burst)) for _ in range(begun))
    return min(total, sum(lengths))


def _block(canary: list[Counts], stable: list[Counts], block: int) -> tuple[Counts, tuple[Counts, ...]]:
    first = 2 * block + 1
    spans = tuple(stable[first + shift] + stable[first + shift + 1] for shift in (0, -1, 1))
    return canary[first] + canary[first + 1], spans


def fisher(canary: Counts, stable: Counts) -> float:
    """Fisher's exact test, one-sided: the probability that equal tracks give the canary so many of all bad requests."""
    bad, total = canary.bad + stable.bad, canary.total + stable.total
    if not total or canary.bad * total <= bad * canary.total:
        return 1.0
    term = math.exp(_choose(canary.total, canary.bad) + _choose(stable.total, stable.bad) - _choose(total, bad))
    found = term
    for k in range(canary.bad, min(bad, canary.total)):
        term *= (canary.total - k) * (bad - k) / ((k + 1) * (stable.total - bad + k + 1))
        found += term
    return found


def _choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)


EQUAL: dict[str, Life] = {
    "both 0.1 %": Equal(0.001),
    "both 1 %": Equal(0.01),
    "both 1 %, three checks": Equal(0.01, checks=3),
    "both 5 %": Equal(0.05),
    "canary at the tolerance: odds 1.2 times 1 %": Life(0.01, 0.011976),
    "both 1 %, shared outages of 30 %, scraped at other moments": Equal(0.01, outage=0.3),
    "both 1 %, base share drifts (lognormal, sd 0.3)": Equal(0.01, drift=0.3),
    "both 1 %, load swings (lognormal, sd 0.7)": Equal(0.01, swing=0.7),
    "both 1 %, canary of 1 % of the pods": Equal(0.01, stable_pods=99, rate=10),
    "both 1 %, fails in bursts of mean size 5": Equal(0.01, mean_burst=5),
    "both 1 %, fails in bursts of mean size 5, `burst: 10`": Equal(0.01, mean_burst=5, burst=10),
}
WORSE: dict[str, Life] = {
    "5 % beside 0.1 %": Life(0.001, 0.05),
    "20 % beside 1 %": Life(0.01, 0.2),
    "3 % beside 1 %": Life(0.01, 0.03),
    "2 % beside 1 %: worse by just `worseBy`": Life(0.01, 0.02),
    "5 % beside 1 %, canary of 1 % of the pods": Life(0.01, 0.05, stable_pods=99, rate=10),
    "5 % beside 1 %, base share drifts (lognormal, sd 0.3)": Life(0.01, 0.05, drift=0.3),
}


def measured(name: str, life: Life, lives: int) -> list[Outcome]:
    """Seeded lives."""
    return [outcome_of(life, random.Random(f"{name} {number}"), with_fisher=True) for number in range(lives)]


def _row(name: str, outcomes: list[Outcome]) -> str:
    def share(found: int) -> str:
        return f"{100 * found / len(outcomes):.2f} %"

    def median(values: list[int | None]) -> str:
        known = [each for each in values if each is not None]
        # Of all lives: half of them have ended by then.
        return f"{statistics.median(known):,.0f}" if 2 * len(known) > len(outcomes) else "-"

    failed, fishers = [each.failed for each in outcomes], [each.fisher for each in outcomes]
    cells = (
        share(sum(each is not None for each in failed)),
        share(sum(each is not None for each in fishers)),
        share(sum(each.passed_ever for each in outcomes)),
        median(failed),
        median(fishers),
        median([each.passed for each in outcomes]),
    )
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Measures all rows and writes the table."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else LIVES
    rows = [
        f"| {lives:,} canaries each | failure | Fisher, at each look | success | requests to failure | to Fisher's "
        "| to success |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, life in {**EQUAL, **WORSE}.items():
        rows.append(_row(name, measured(name, life, lives)))
        print(rows[-1], flush=True)
    text = "\n".join(rows) + "\n"
    DOCS.write_text(SECTION.sub(lambda found: found[1] + text + found[2], DOCS.read_text()))


if __name__ == "__main__":
    main()
