"""Whatever objects an API server lists: a picture of what is known, and never more than that."""

import copy
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tools.watch.cluster import Objects
from tools.watch.glance import Glance, document, lines
from tools.watch.live import frame
from tools.watch.picture import picture
from tools.watch.target import Target

from .observed import NOW, endpoints, event, objects, release, service

SEVERAL = settings(max_examples=200, deadline=None)
ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
ANYTHING = st.recursive(ODD, lambda below: st.dictionaries(st.text(max_size=5), below, max_size=3))
TARGET = Target("dev", "here", None, release(service(), service("smoke", track="canary")))


def changed(draw: st.DrawFn, tree: Any) -> Any:
    """The tree, in which a value is of another kind, null or missing now and then."""
    if draw(st.integers(0, 30)) == 0:
        return draw(ODD)
    if isinstance(tree, dict):
        return {name: changed(draw, value) for name, value in tree.items() if draw(st.integers(0, 30))}
    return [changed(draw, value) for value in tree] if isinstance(tree, list) else tree


STATE = {"waiting": {"reason": "CrashLoopBackOff", "message": "x"}, "terminated": {"reason": "Error", "exitCode": 1}}
CONTAINER = {"name": "web", "image": "x", "restartCount": 2, "ready": False, "state": STATE, "lastState": STATE}
CONDITIONS = [{"type": kind, "status": "False", "reason": "x", "message": "y"} for kind in ("Ready", "PodScheduled")]
FAILING = {"conditions": CONDITIONS, "containerStatuses": [CONTAINER], "initContainerStatuses": [CONTAINER]}
PROBLEMS = [{"type": "ReplicaFailure", "status": "True", "reason": "x"}, {"type": "Progressing", "status": "False"}]


@st.composite
def listed(draw: st.DrawFn) -> Objects:
    whole = copy.deepcopy(objects(events=[event("s1", "Unhealthy", "x"), event("c1", "FailedMount", "x")]))
    whole.endpoint_slices.append(endpoints("c1", of="smoke"))
    for pod in whole.pods:
        if draw(st.booleans()):
            pod["status"] |= FAILING
    if draw(st.booleans()):
        whole.deployments[0]["status"]["conditions"] = PROBLEMS
    # As `objects_at` gives them out: whatever is no object is left out.
    lists = [[changed(draw, each) for each in part] for part in vars(whole).values()]
    return Objects(*([each for each in part if isinstance(each, dict)] for part in lists))


@SEVERAL
@given(found=listed())
def test_whatever_is_listed_is_shown(found: Objects):
    seen = Glance(NOW, TARGET, picture(TARGET.release, found, NOW), None, 0.0)
    assert all(text.isprintable() for text in lines(seen))
    assert json.loads(json.dumps(document(seen)))["mismatches"] == seen.mismatches
    console = Console(width=80, file=io.StringIO())
    with console.capture() as captured:
        console.print(frame(seen))
    assert max(map(len, captured.get().splitlines())) <= 80
    # What is missing is never taken for what is there.
    ready = seen.picture.stable.ready + seen.picture.canary.ready
    assert ready <= sum(pod.get("status", {}) is not None for pod in found.pods)
    assert len(seen.picture.stable.pods) + len(seen.picture.canary.pods) <= len(found.pods)


@SEVERAL
@given(items=st.lists(ANYTHING, max_size=5))
def test_objects_of_any_shape_are_no_release(items: list[Any]):
    only = [each for each in items if isinstance(each, dict)]
    seen = Glance(NOW, TARGET, picture(TARGET.release, Objects(only, only, only, only, only), NOW), None, 0.0)
    assert seen.mismatches[0] == "stable: there is no Deployment shop in namespace default"
    assert len(lines(seen)) > 2
