"""A selector of series: the name of a metric, and matchers of its labels."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

METRIC = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
MATCHER = re.compile(r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*,?""")
SELECTOR = re.compile(rf"\s*({METRIC})\s*(?:\{{((?:{MATCHER.pattern})*)\s*\}})?\s*")
OURS = ("namespace", "pod", "__name__")


@dataclass(frozen=True)
class Selector:
    """Series of one metric."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]
    """Label, operator, and the value in its quotation marks."""

    @staticmethod
    def of(text: str) -> "Selector | None":
        """The selector that the text is; None if it is none, or if it matches `namespace` or `pod` itself."""
        found = SELECTOR.fullmatch(text)
        matchers = tuple((each[1], each[2], each[3]) for each in MATCHER.finditer(found[2] or "")) if found else ()
        return Selector(found[1], matchers) if found and not {each[0] for each in matchers} & {*OURS} else None

    @property
    def labels(self) -> list[str]:
        """The labels that it matches."""
        return [label for label, _, _ in self.matchers]

    def of_pods(self, namespace: str, pods: Iterable[str]) -> str:
        """The series of these pods, in PromQL."""
        own = (("namespace", "=", f'"{namespace}"'), ("pod", "=~", f'"{pattern(pods)}"'))
        return f"{self.metric}{{{','.join(map(''.join, (*own, *self.matchers)))}}}"

    def anywhere(self) -> str:
        """Every series that has its labels, whatever their values are, in PromQL."""
        return str(Selector(self.metric, tuple((label, "!=", '""') for label in self.labels)))

    def __str__(self) -> str:
        return f"{self.metric}{{{','.join(map(''.join, self.matchers))}}}" if self.matchers else self.metric


def pattern(pods: Iterable[str]) -> str:
    """A regular expression of the names; also within quotation marks."""
    return "|".join(sorted(pods)).replace(".", "[.]")
