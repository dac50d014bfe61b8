"""A run ends the same, whatever is killed and when: nothing is done twice, and what has passed of a soak counts."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pytest

from tools.release.engine import Deployed
from tools.release.journal import Journal, PlanError, Step
from tools.release.looking import Look
from tools.release.project import Project
from tools.release.runner import LOOK_SECONDS, run_plan

NAMES = ("before", "start", "widen", "promote")
SOAKS = {"start": 20, "widen": 30}
DOWN_SECONDS = 7
"""From a kill to the same command."""


class KilledError(BaseException):
    """The process is gone."""


@dataclass
class Disk:
    """What outlives a process: files, Git, the state, the cluster, and the time."""

    file: str = "before"
    commits: list[str] = field(default_factory=lambda: ["before"])
    journal: Journal | None = None
    records: list[str] = field(default_factory=list[str])
    wanted: str = "before"
    """What the last update was to reach."""
    is_finished: bool = True
    is_locked: bool = False
    ended: float = 0
    updates: list[str] = field(default_factory=list[str])
    """Those that finished."""
    without_rules: list[str] = field(default_factory=list[str])
    now: float = 1000
    kills: int = 0
    went_on: dict[str, float] = field(default_factory=dict[str, float])
    """When each step's soak was over, after its update."""


class World(Project):
    """One process on a disk: it is killed before or after what it does at the given moments."""

    def __init__(
        self,
        disk: Disk,
        kills: Iterable[int] = (),
        *,
        harmful: Mapping[str, float] = MappingProxyType({}),
        failing: tuple[str, ...] = (),
        unseen_until: float = 0,
        git_is_away: bool = False,
    ) -> None:
        """`harmful`: steps at which harm is seen, this long after the update. `failing`: steps whose update fails.
        `unseen_until`: until then the cluster does not answer. `git_is_away`: no commit is done.
        """
        self.disk, self.harmful, self.failing, self.unseen_until = disk, harmful, failing, unseen_until
        self.git_is_away, self.moment, self.killed_at = git_is_away, 0, next(iter(kills), 0)

    def _moment(self) -> None:
        self.moment += 1
        if self.moment == self.killed_at:
            self.disk.now += DOWN_SECONDS
            self.disk.kills += 1
            raise KilledError

    def now(self) -> float:
        return self.disk.now

    def sleep(self, seconds: float) -> None:
        self._moment()
        self.disk.now += seconds

    def file(self) -> str:
        return self.disk.file

    def write(self, text: str) -> None:
        assert text != self.disk.file, "written twice"
        self._moment()
        self.disk.file = text
        self._moment()

    def is_committed(self) -> bool:
        return self.disk.commits[-1] == self.disk.file

    def commit(self, message: str, seconds: float | None = None) -> None:  # noqa: ARG002
        assert not self.is_committed(), "committed twice"
        if self.git_is_away:
            raise PlanError("git push: no answer")
        self._moment()
        self.disk.commits.append(self.disk.file)
        self._moment()

    def deployed(self) -> Deployed:
        assert not self.disk.is_locked or (self.disk.journal and self.disk.journal.is_updating)
        is_goal = self.disk.is_finished and self.disk.wanted == self.disk.file
        may_be_refused = self.disk.wanted == "promote" != self.disk.file
        return Deployed(is_goal, self.disk.ended, SOAKS.get(self.disk.file, 0), may_be_refused)

    def update(self, journal: Journal, skips_rules: bool) -> str | None:
        disk, goal = self.disk, self.disk.file
        assert not disk.is_finished or disk.wanted != goal, "updated twice"
        self.save(replace(journal, is_updating=True))
        assert not disk.is_locked or journal.is_updating, "the lock of another update is dropped"
        disk.wanted, disk.is_finished, disk.is_locked = goal, False, True
        self._moment()
        disk.now += 5
        disk.is_locked = False
        if goal in self.failing:
            self._moment()
            return f"{goal} cannot start"
        disk.is_finished, disk.ended = True, disk.now
        disk.updates.append(goal)
        disk.without_rules += [goal] if skips_rules else []
        self._moment()
        return None

    def look(self, journal: Journal, deployed: Deployed) -> Look:
        disk = self.disk
        assert deployed.is_goal
        self._moment()
        if disk.now < self.unseen_until:
            return Look(disk.now, None, "no answer", {"unseen": "no answer"})
        since = self.harmful.get(disk.file)
        harm = "a pod restarts" if since is not None and disk.now >= disk.ended + since else None
        if not harm and disk.now >= disk.ended + deployed.soak_seconds:
            disk.went_on.setdefault(journal.goal.name, disk.now - disk.ended)
        return Look(disk.now, harm, None, {"share": 1.0}, {"uid": 0})

    def save(self, journal: Journal) -> None:
        self._moment()
        self.disk.journal = journal
        self._moment()

    def end(self, journal: Journal) -> None:
        self._moment()
        self.disk.records.append("went back" if journal.harm else "done")
        self.disk.records = list(dict.fromkeys(self.disk.records))
        self._moment()
        self.disk.journal = None

    def tell(self, text: str) -> None:
        pass


def begun(commits: bool = True) -> Disk:
    """A run at its first step."""
    disk = Disk()
    disk.journal = Journal("dev", "plan.yaml", disk.now, "tester", commits, tuple(Step(each, each) for each in NAMES))
    return disk


def goes_on(world: World) -> str | None:
    assert world.disk.journal is not None
    return run_plan(world.disk.journal, world)


def run(kills: Iterator[int], commits: bool = True, **faults: Any) -> tuple[str | None, Disk]:
    """Why the run went back, and what is left, after the same command as often as it was killed."""
    disk = begun(commits)
    for _ in range(10):
        try:
            return goes_on(World(disk, kills, **faults)), disk
        except KilledError:
            continue
    raise AssertionError("the run does not end")


FAULTS: dict[str, dict[str, Any]] = {
    "a good run": {},
    "one that is not committed": {"commits": False},
    "harm in the second soak": {"harmful": {"widen": 11}},
    "harm in the first look": {"harmful": {"start": 0}},
    "harm after the promotion": {"harmful": {"promote": 0}},
    "an update that fails": {"failing": ("widen",)},
    "a first update that fails": {"failing": ("start",)},
    "a promotion that fails": {"failing": ("promote",)},
    "a cluster that does not answer for a time": {"unseen_until": 1060},
}


def outcome(why: str | None, disk: Disk) -> Any:
    return why, disk.file, disk.commits, disk.wanted, disk.is_finished, disk.updates, disk.records


@pytest.mark.parametrize("case", FAULTS)
def test_a_run_that_is_killed_at_any_moment_or_two_ends_the_same(case: str):
    faults = FAULTS[case]
    wanted = outcome(*run(iter(()), **faults))
    for first in itertools.count(1):
        why, disk = run(iter([first]), **faults)
        assert outcome(why, disk) == wanted, f"killed at {first}"
        if not disk.kills:
            break
        late = DOWN_SECONDS + LOOK_SECONDS + faults.get("unseen_until", 0)
        # What ran before the kill counts.
        assert all(SOAKS.get(name, 0) <= took <= SOAKS.get(name, 0) + late for name, took in disk.went_on.items())
    for first, second in itertools.product(range(1, 60, 3), range(1, 30, 2)):
        assert outcome(*run(iter([first, second]), **faults)) == wanted, f"killed at {first} and {second}"


def test_a_good_run_does_each_step_once_and_soaks_for_its_time():
    why, disk = run(iter(()))
    assert why is None
    assert (disk.file, disk.wanted, disk.updates) == ("promote", "promote", ["start", "widen", "promote"])
    assert disk.commits == ["before", "start", "widen", "promote"]
    assert disk.went_on == {"start": 20, "widen": 30, "promote": 0}


def test_a_run_goes_back_to_the_config_before_the_plan_at_harm():
    why, disk = run(iter(()), harmful={"widen": 11})
    assert why == "a pod restarts"
    assert (disk.file, disk.wanted, disk.updates) == ("before", "before", ["start", "widen", "before"])
    assert disk.commits == ["before", "start", "widen", "before"]
    assert disk.without_rules == []


def test_a_run_that_goes_back_after_a_promotion_asks_no_rule():
    _, disk = run(iter(()), harmful={"promote": 0})
    assert disk.without_rules == ["before"]


def test_a_run_whose_first_look_is_harm_changes_nothing_else():
    why, disk = run(iter(()), harmful={"start": 0})
    assert (why, disk.updates) == ("a pod restarts", ["start", "before"])


def test_a_run_goes_back_from_what_a_failed_update_left_behind():
    why, disk = run(iter(()), failing=("widen",))
    assert why == "widen cannot start"
    assert (disk.wanted, disk.is_finished, disk.updates) == ("before", True, ["start", "before"])


def test_a_run_that_cannot_go_back_ends_and_the_same_command_goes_on_with_it():
    disk = begun()
    with pytest.raises(PlanError, match="before cannot start\nonce that is mended, run the same command again"):
        goes_on(World(disk, failing=("widen", "before")))
    assert goes_on(World(disk)) == "widen cannot start"
    assert (disk.file, disk.wanted, disk.is_finished) == ("before", "before", True)


def test_a_run_that_goes_back_waits_for_no_commit():
    disk = begun()

    class Unreachable(World):
        def look(self, journal: Journal, deployed: Deployed) -> Look:
            self.git_is_away = True
            return super().look(journal, deployed)

    with pytest.raises(PlanError, match="git push: no answer"):
        goes_on(Unreachable(disk, harmful={"start": 0}))
    assert (disk.wanted, disk.is_finished, disk.commits) == ("before", True, ["before", "start"])
    assert goes_on(World(disk)) == "a pod restarts"
    assert disk.commits == ["before", "start", "before"]


def test_a_run_that_goes_back_commits_before_its_update_where_git_answers():
    """A new job that finds no commit of it would give users the bad step again."""
    disk = begun()

    class Answering(World):
        def update(self, journal: Journal, skips_rules: bool) -> str | None:
            assert self.is_committed()
            return super().update(journal, skips_rules)

    assert goes_on(Answering(disk, harmful={"widen": 11})) == "a pod restarts"


def test_a_soak_does_not_end_while_nobody_sees_the_canary():
    _, disk = run(iter(()), unseen_until=1060)
    assert disk.went_on["start"] >= 1060 - 1005


def test_a_stack_file_that_somebody_else_changed_ends_the_run():
    disk = begun()
    disk.file = "something else"
    with pytest.raises(PlanError, match=r"somebody else has changed Pulumi\.dev\.yaml.* delete \.release-dev\.json"):
        goes_on(World(disk))
    assert (disk.file, disk.updates) == ("something else", [])


@pytest.mark.parametrize("text", ["something else", "before"])
def test_a_stack_file_that_somebody_else_changes_in_a_soak_ends_the_run(text: str):
    disk = begun()

    class Edited(World):
        def sleep(self, seconds: float) -> None:
            disk.file = text
            super().sleep(seconds)

    with pytest.raises(PlanError, match="somebody else has changed"):
        goes_on(Edited(disk))
    assert disk.updates == ["start"]


def test_the_record_knows_what_was_done_and_seen():
    kept: list[Journal] = []

    class Kept(World):
        def end(self, journal: Journal) -> None:
            kept.append(journal)

    goes_on(Kept(begun(commits=False), harmful={"widen": 11}))
    [journal] = kept
    assert [(each["step"], each["what"]) for each in journal.events] == [
        ("start", "updated"),
        ("start", "done"),
        ("widen", "updated"),
        ("widen", "a pod restarts"),
        ("before", "updated"),
        ("before", "ended"),
    ]
    assert [each["share"] for each in journal.looks] == [1.0] * len(journal.looks)
    assert len(journal.looks) >= 3
