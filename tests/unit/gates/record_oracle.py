"""Writes oracle.json: figures of scipy that the statistics of gates are tested against. Run it by hand, with scipy.

`python tests/unit/gates/record_oracle.py`, with scipy 1.17.1 when it was recorded.
"""

import json
import random
from pathlib import Path

from scipy.stats import beta, nchypergeom_fisher  # pyright: ignore[reportMissingImports]

chance = random.Random(1)
ratios: list[tuple[int, int, int, int, float, float, float]] = []
for _ in range(120):
    n, m = chance.choice([3, 20, 200, 3000]), chance.choice([3, 50, 600, 9000])
    y, s = (min(size, int(chance.expovariate(1 / (1 + size * 0.03)))) for size in (n, m))
    tolerance, ratio = chance.choice([1.0, 1.2, 3.0]), chance.choice([1.5, 2.0, 3.0, 5.0, 10.0, 30.0])
    if y + s:
        over, under = (nchypergeom_fisher.logpmf(y, n + m, n, y + s, odds) for odds in (tolerance * ratio, tolerance))
        if min(over, under) > -200:
            ratios.append((y, n, s, m, tolerance, ratio, float(over - under)))
bounds: list[tuple[int, int, float, float]] = []
for _ in range(60):
    n = chance.choice([5, 50, 500, 50_000])
    y = min(n, int(chance.expovariate(1 / (1 + n * 0.03))))
    p = chance.uniform(0.001, 0.3)
    # The likelihood of Jeffreys' mixture against that of the share: by densities of the Beta distribution.
    bounds.append((y, n, p, float(beta.logpdf(p, 0.5, 0.5) - beta.logpdf(p, y + 0.5, n - y + 0.5))))
Path(__file__).with_name("oracle.json").write_text(json.dumps({"ratios": ratios, "mixtures": bounds}, indent=0) + "\n")
