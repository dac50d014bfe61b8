"""Measures a release against kubectl on the sandbox's cluster; the tables go to the terminal and docs/benchmarks.md.

Asserts no timing. A killed one leaves namespaces: `kubectl delete namespaces --selector=canary-bench` removes them.
"""

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.e2e.project import ROOT, Stack, objects, sandbox_environment, until
from tests.own_share import own_share, own_shares

ROUNDS, QUICK = 3, 2
"""Rounds of everything, and how often each of them repeats the commands that change nothing."""
RELEASES, WAVE = (1, 10, 100), 20
"""Sizes of the stack that grows, and how many of its releases are deployed at once: a node takes 110 pods."""
UPDATES = {"first `up`": ("v0.1", 1), "widen": ("v0.1", 2), "promote": ("v0.2", 0)}
"""Version of stable and replicas of the canary after each step."""
MANY_RELEASES = f"""import json

import pulumi
from canary_release import CanaryRelease

config, manifest = pulumi.Config(), {json.dumps(objects("NAME", replicas=1))!r}
for number in range(config.require_int("releases")):
    CanaryRelease(f"release-{{number}}", {{
        "manifest": json.loads(manifest.replace("NAME", f"app-{{number}}")),
        "namespace": config.require("namespace"),
        "stable_version": "v0.1",
        "canary_version": "v0.2",
    }})
"""
MEANING = f"""\
Written by `make bench`: medians of the wall-clock time of whole commands, as an operator waits for them.
`pulumi up` previews, updates and ends when every pod is available. kubectl's column is `kubectl apply` and
`kubectl rollout status` of the same objects in the same run; for the preview it is `kubectl diff`.
Where pods start, the ratio tells what a preview, checked config and recorded state cost on top; stable rolls before the
canary, where kubectl starts both at once. Where nothing changes, both columns are mostly programs that start.
The many releases have a stable pod each, a canary scaled to zero and a Service. A node takes 110 pods, so they were
deployed {WAVE} at a time and then scaled to zero by kubectl: neither command that is measured there reads pods.
The floor is what remains without any release. The own share is the processor time that this project's code adds to a
preview of one release: `python -m tests.own_share` measures it alone."""

Rows = list[list[str]]


def output(*command: str) -> str:
    """What a command of the sandbox prints."""
    done = subprocess.run(command, env=sandbox_environment(), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace that is gone at the end, whatever happens in between."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    output("kubectl", "create", "namespace", name)
    try:
        output("kubectl", "label", "namespace", name, "canary-bench=")
        yield name
    finally:
        output("kubectl", "delete", "namespace", name)


@contextmanager
def stack_of(program: str = (ROOT / "__main__.py").read_text()) -> Iterator[Stack]:
    """A stack of this project, or of another program in its place, with a namespace and a backend of its own."""
    with namespace() as name, tempfile.TemporaryDirectory() as folder:
        stack = Stack.seed(Path(folder), name, 0)
        (stack.folder / "__main__.py").write_text(program)
        yield stack


def settle(stack: Stack, name: str) -> None:
    """Waits until no pod of a namespace is about to end, so that one measurement does not burden the next."""
    ending = ("get", "pods", "--namespace", name, "--output=jsonpath={.items[*].metadata.deletionTimestamp}")
    until(lambda: not stack.kubectl(*ending), f"no pod of {name} is about to end")


def unchanged(stack: Stack) -> float:
    """Seconds of an update that finds nothing to do."""
    seconds = stack.up(preview=True).seconds
    assert set(stack.changes()) == {"same"}, stack.changes()
    return seconds


def seconds(stack: Stack, *commands: tuple[str, ...]) -> float:
    """Seconds of commands, one after the other."""
    return sum(stack.good(*command).seconds for command in commands)


def updates() -> Rows:
    """A canary from its start to its promotion, by Pulumi and by kubectl in turn: medians and ratios."""
    ours, theirs = defaultdict(list), defaultdict(list)
    with stack_of() as stack, namespace() as beside:
        file = stack.folder / "manifests.json"
        rollout = ("kubectl", "rollout", "status", "deployments", "--selector=app=myapp", "--namespace", beside)
        apply = [("kubectl", "apply", "-f", str(file)), rollout]
        for step, (version_of_stable, canary_replicas) in list(UPDATES.items()) * ROUNDS:
            stack.configure(stableVersion=version_of_stable, canaryReplicas=canary_replicas)
            items = own_share(stack.folder, Path(stack.environment["KUBECONFIG"]))["items"]
            for item in items:
                item["metadata"]["namespace"] = beside
            file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
            for _ in range(QUICK if step == "widen" else 0):
                ours["`preview` of the widening"].append(seconds(stack, ("pulumi", "preview")))
                difference = stack.run("kubectl", "diff", "-f", str(file))
                assert difference.code == 1, difference
                theirs["`preview` of the widening"].append(difference.seconds)
            ours[step].append(stack.up(preview=True).seconds)
            settle(stack, stack.namespace)
            theirs[step].append(seconds(stack, *apply))
            held = [stack.get("deployments", "--namespace", name)["items"] for name in (stack.namespace, beside)]
            assert [each["spec"] for each in held[0]] == [each["spec"] for each in held[1]], "not the same objects"
            for _ in range(QUICK if step == "first `up`" else 0):
                ours["unchanged `up`"].append(unchanged(stack))
                theirs["unchanged `up`"].append(seconds(stack, *apply))
            if step == "promote":
                seconds(stack, ("pulumi", "destroy", "--yes"), ("kubectl", "delete", "-f", str(file)))
                settle(stack, stack.namespace)
            settle(stack, beside)
    rows = [["one release: 2 stable pods, then 1, 2, 0 of a canary", "runs", "pulumi, s", "kubectl, s", "ratio"]]
    for step, times in ours.items():
        one, other = median(times), median(theirs[step])
        rows.append([step, f"{len(times)}", f"{one:.2f}", f"{other:.2f}", f"{one / other:.1f}"])
    return rows


def grow() -> Rows:
    """Preview and unchanged update of a stack with more and more releases, and the ratios to one release."""
    rows = [["releases in a stack", "resources", "runs", "`preview`, s", "to one", "unchanged `up`, s", "to one"]]
    with stack_of(MANY_RELEASES) as stack:
        deployed, one = 0, None
        for releases in RELEASES:
            while deployed < releases:
                deployed = min(deployed + WAVE, releases)
                stack.configure(releases=deployed)
                stack.up()
                stack.kubectl("scale", "deployments", "--all", "--replicas=0")
            settle(stack, stack.namespace)
            figures = [(stack.good("pulumi", "preview").seconds, unchanged(stack)) for _ in range(ROUNDS)]
            preview, update = (median(series) for series in zip(*figures, strict=True))
            one = one or (preview, update)
            ratios = [f"{preview:.2f}", f"{preview / one[0]:.1f}", f"{update:.2f}", f"{update / one[1]:.1f}"]
            rows.append([f"{releases}", f"{stack.changes()['same']}", f"{ROUNDS}", *ratios])
    return rows


def floor() -> Rows:
    """What is there without a release: programs that start, an empty stack, a pod."""
    samples = defaultdict(list)
    with stack_of("") as stack:
        run = f"kubectl run --namespace {stack.namespace} --image=arisu1000/simple-container-app:v0.1 --restart=Never"
        ready = f"kubectl wait --namespace {stack.namespace} --for=condition=Ready"
        for pod in (f"pod-{number}" for number in range(ROUNDS * QUICK)):
            samples["engine: `pulumi version`"].append(seconds(stack, ("pulumi", "version")))
            samples["kubectl: `kubectl version --client`"].append(seconds(stack, ("kubectl", "version", "--client")))
            samples["import of Pulumi's SDK"].append(seconds(stack, (sys.executable, "-c", "import pulumi")))
            samples["`pulumi preview` of an empty program"].append(seconds(stack, ("pulumi", "preview")))
            get = ("kubectl", "get", "deployments.apps/one", "deployments.apps/other", "--ignore-not-found")
            samples["pods made sure of: `kubectl get` of both Deployments"].append(seconds(stack, get))
            samples["pod: `kubectl run` until it is ready"].append(
                seconds(stack, (*run.split(), pod), (*ready.split(), f"pod/{pod}"))
            )
    return medians("the floor", samples, 1, "s")


def medians(title: str, samples: dict[str, list[float]], factor: float, unit: str) -> Rows:
    """A row for each series."""
    rows = [[name, f"{len(series)}", f"{median(series) * factor:.2f}"] for name, series in samples.items()]
    return [[title, "runs", f"median, {unit}"], *rows]


def machine(load: float) -> str:
    """What the figures hold for, and the time from a clone to the first answer if it was taken here."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    stand_in = (ROOT / ".sandbox" / "bin" / "pulumi-language-python").is_file()
    kubernetes = json.loads(output("kubectl", "version", "--output=json"))["serverVersion"]["gitVersion"]
    answer = ROOT / ".sandbox" / "logs" / "first-answer.seconds"
    label = "Clone to first answer, Go's build cache and the sandbox's empty"
    timed = f"- {label}: {float(answer.read_text()):.0f} s\n" if answer.exists() else ""
    return f"""\
- {cpu[0].partition(": ")[2] if cpu else platform.machine()}, {os.cpu_count()} cores
- Linux {platform.release().partition("-")[0]}; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after
- Kubernetes {kubernetes}, one node; Pulumi engine {output("pulumi", "version")}; Python {platform.python_version()}
- pulumi {version("pulumi")}, language host: {"the sandbox's stand-in" if stand_in else "official"}
- pulumi-kubernetes {version("pulumi-kubernetes")}, official provider of the same version
{timed}"""


def table(rows: Rows) -> str:
    """A Markdown table; the first row is the head, numbers stand to the right."""
    width = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[row[0].ljust(width[0]), *map(str.rjust, row[1:], width[1:])] for row in rows]
    lines.insert(1, ["-" * width[0], *("-" * (each - 1) + ":" for each in width[1:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measures, prints the page and writes it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended early; nothing was written"))
    load = os.getloadavg()[0]
    started, compared, grown = floor(), updates(), grow()
    own = medians("the program's own share of a preview", own_shares(), 1000, "ms")
    tables = [f"{table(rows)}\n" for rows in (compared, grown, started, own)]
    page = "\n".join([f"# Benchmarks\n\n{MEANING}\n\n{machine(load)}", *tables])
    print(page)
    (ROOT / "docs" / "benchmarks.md").write_text(page)


if __name__ == "__main__":
    main()
