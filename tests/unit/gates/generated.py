"""Pods that answer requests, and a Prometheus that scrapes them: generated, with a seed."""

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from canary_release.gates import Gates, parse_gates
from canary_release.gates.answers import Ask
from canary_release.gates.counts import Series
from canary_release.gates.pods import LivePods
from canary_release.gates.sampling import Sample, judge

from ..model.shop import release

NOW = 1_800_000_000.0
SCRAPE = 15
HTTP = {"errors": {"preset": "http"}}
Share = Callable[[float], float]
"""Share of bad requests, by the seconds before now, which are negative."""


def binomial(chance: random.Random, total: int, share: float) -> int:
    """How many of all are bad, each with the same probability."""
    if share <= 0 or share >= 1:
        return total if share >= 1 else 0
    found, at, step = 0, -1, math.log1p(-share)
    while (at := at + 1 + int(math.log(1 - chance.random()) / step)) < total:
        found += 1
    return found


@dataclass
class Pod:
    """A pod that answers so many requests each second, from its start until it ends."""

    name: str
    started: float
    share: Share
    rate: int = 10
    ended: float = 0.0
    restarted: float | None = None
    """When its counters began anew."""
    trouble: str | None = None
    label: str = "code"

    def series(self, chance: random.Random, first: float) -> list[Series]:
        """Its counters as scraped from a moment on: of requests by status."""
        samples: dict[str, list[tuple[float, float]]] = {"200": [], "500": []}
        counts, phase = {"200": 0, "500": 0}, chance.uniform(0, SCRAPE)
        at, began = math.floor(self.started), max(self.started, first)
        while at < self.ended:
            bad = binomial(chance, self.rate, self.share(at)) if at >= began else 0
            counts["500"] += bad
            counts["200"] += self.rate - bad if at >= began else 0
            if self.restarted is not None and at == math.floor(self.restarted):
                counts = {"200": 0, "500": 0}
            at += 1
            if at >= began and (at - 1 - phase) // SCRAPE != (at - phase) // SCRAPE:
                for code, count in counts.items():
                    if count or samples[code]:
                        samples[code].append((NOW + at - chance.random() * 0.01, float(count)))
        labels = {"__name__": "http_requests_total", "namespace": "default", "pod": self.name, "job": "pods"}
        return [Series({**labels, self.label: code}, found) for code, found in samples.items() if found]


@dataclass
class World:
    """What the API server and Prometheus know."""

    canary: Sequence[Pod]
    stable: Sequence[Pod]
    seed: int = 1
    first: float = -86_400.0
    """When Prometheus began to scrape."""
    missing: int = 0
    """Pods of the canary that are not there."""
    anywhere: float | None = None
    """How many series with the labels of a selector there are in all of Prometheus."""
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        pods = [*self.canary, *self.stable]
        self.all = [series for pod in pods for series in pod.series(chance, self.first)]

    def pods(self) -> tuple[LivePods, LivePods]:
        """The pods of both tracks, as the API server tells them."""
        gone = [f"shop-canary has {len(self.canary)} of {len(self.canary) + self.missing} pods"] * bool(self.missing)
        return _pods("shop-canary", self.canary, gone), _pods("shop", self.stable, [])

    def series(self, selector: str, at: float, seconds: int) -> list[Series]:
        """What Prometheus answers for `selector[seconds]`."""
        self.asked.append(selector)
        parts = re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', selector)
        found = [each for each in self.all if each.labels["__name__"] == selector.partition("{")[0]]
        for label, operator, value in parts:
            pattern = re.compile(value if "~" in operator else re.escape(value))
            wanted = "!" not in operator
            found = [each for each in found if bool(pattern.fullmatch(each.labels.get(label, ""))) is wanted]
        cut = [Series(each.labels, [s for s in each.samples if at - seconds < s[0] <= at]) for each in found]
        return [each for each in cut if each.samples]

    def sample(self, checks: dict[str, Any] = HTTP, kept: Any = None, now: float = 0.0) -> Sample:
        """What the only gate comes to at one look, at a time."""
        ask = Ask(lambda: NOW + now, self.series, {"query": lambda _: self.anywhere})
        shop = release(canary_version="v2", canary_replicas=len(self.canary))
        verdict = judge(gates(checks).checks, shop, self.pods, ask, kept or {}, lambda *_: None, once=True)
        return verdict.samples[0]


def gates(checks: dict[str, Any]) -> Gates:
    """Valid gates."""
    found = parse_gates(checks, "http://127.0.0.1:9090", None)
    assert isinstance(found, Gates), found
    return found


def _pods(deployment: str, pods: Sequence[Pod], gone: list[str]) -> LivePods:
    troubles = [pod.trouble for pod in pods if pod.trouble]
    restarted = {pod.name: NOW + pod.restarted for pod in pods if pod.restarted is not None}
    return LivePods(
        deployment, f"{deployment}-5d8f7b", {p.name: NOW + p.started for p in pods}, restarted, [*troubles, *gone]
    )


def pods(track: str, count: int, started: float, share: Share | float, **others: Any) -> list[Pod]:
    """So many equal pods."""
    of = share if callable(share) else lambda _: share
    return [Pod(f"{track}-5d8f7b-{number:05}", started, of, **others) for number in range(count)]
