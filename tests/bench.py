"""Measures a release against kubectl on the sandbox's cluster; the tables go to the terminal and docs/benchmarks.md.

Asserts no timing. A killed run leaves namespaces: `kubectl delete namespaces --selector=canary-bench` removes them.
"""

import json
import os
import platform
import re
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
from shutil import copytree
from statistics import median

from tests.e2e.stack import ROOT, Stack, sandbox_environment, until

PAGE = ROOT / "docs" / "benchmarks.md"
FIRST_ANSWER = ROOT / ".sandbox" / "logs" / "first-answer.seconds"
"""Written by whoever times the way from a clone to the first answer; one number."""
ROUNDS, QUICK = 3, 2
"""Rounds of the walk, and how often each of them repeats the commands that change nothing."""
RELEASES = (1, 10, 100)
WAVE = 20
"""Releases that are deployed at once: a node takes 110 pods, and other work goes on beside the benchmark."""

WALK = {
    "first `up`": {"stableVersion": "v0.1", "canaryReplicas": 1},
    "widen": {"canaryReplicas": 2},
    "promote": {"stableVersion": "v0.2", "canaryReplicas": 0},
}
IMPORTS = "import pulumi, pulumi_kubernetes.core.v1, pulumi_kubernetes.apps.v1"
OWN_SHARE = f"""import json, time
from pulumi.runtime import settings as runtime
{IMPORTS}
runtime.configure(runtime.Settings(project="canary", stack="dev"))
began = time.perf_counter()
from components import checks, claims, objects
from components.release import Release
import settings
imported = time.perf_counter()
args = settings.read_settings()
assert not checks.problems(args)
release = Release.of(args)
claims.claim("release", release, None)
inputs = release.inputs()
deployments = [objects.stable_deployment(release), objects.canary_deployment(release, release.canary)]
service = objects.service(release)
done = time.perf_counter()
manifests = [{{"apiVersion": "apps/v1", "kind": "Deployment", **each}} for each in deployments]
manifests.append({{"apiVersion": "v1", "kind": "Service", **service}})
print(json.dumps({{"imported": imported - began, "computed": done - imported, "manifests": manifests}}))
"""
PROJECT = """name: bench
runtime: {name: python, options: {virtualenv: .venv}}
"""
STACK_FILE = """config:
  kubernetes:context: canary-sandbox
"""
MANY = """import pulumi
from components import CanaryRelease

config = pulumi.Config()
for number in range(config.require_int("releases")):
    CanaryRelease(f"release-{number}", {
        "name": f"app-{number}",
        "app": f"app-{number}",
        "namespace": config.require("namespace"),
        "image": "arisu1000/simple-container-app",
        "stable_version": "v0.1",
        "stable_replicas": 1,
        "canary_version": "v0.2",
    })
"""
MEANING = """\
Wall-clock times of whole commands, as an operator waits for them, in seconds unless stated otherwise.
`pulumi up` previews, then updates, and ends when every pod is available; kubectl's column is `kubectl apply` and
`kubectl rollout status` of the same objects in the same run, for the preview it is `kubectl diff`.
Where pods start, the ratio says what the preview, the check of the config and the record of the state cost; stable is
rolled before the canary, where kubectl starts both at once. Where nothing changes, both columns are mostly the start
of programs: the floor below is what remains when there is no release at all.
The program's own share is the only figure that this project's code decides.
Machines, load and the stand-in or official provider change the seconds; compare the ratios."""

Samples = dict[str, list[float]]


@contextmanager
def namespace(environment: dict[str, str]) -> Iterator[str]:
    """A namespace that is gone at the end, whatever happens in between."""

    def kubectl(*arguments: str) -> None:
        subprocess.run(["kubectl", *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)

    name = f"bench-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    try:
        kubectl("label", "namespace", name, "canary-bench=")
        yield name
    finally:
        kubectl("delete", "namespace", name)


@contextmanager
def project(program: str, name: str) -> Iterator[Stack]:
    """A stack of its own program beside this project's components, with a backend of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copytree(ROOT / "components", folder / "components")
        (folder / "Pulumi.yaml").write_text(PROJECT)
        (folder / "Pulumi.dev.yaml").write_text(STACK_FILE)
        (folder / "__main__.py").write_text(program)
        yield Stack(folder, name, 0)


def settled(stack: Stack) -> None:
    """Waits until no pod is about to end, so that one measurement does not burden the next."""
    until(
        lambda: not any("deletionTimestamp" in pod["metadata"] for pod in stack.get("pods").get("items", [])),
        f"no ending pod in {stack.namespace}",
    )


def unchanged(stack: Stack) -> float:
    """Seconds of an update that finds nothing to do."""
    seconds = stack.up().seconds
    assert set(stack.changes()) == {"same"}, stack.changes()
    return seconds


def own_share(stack: Stack) -> dict:
    """What the program does with the stack's config beside registering: seconds, and the manifests."""
    config = json.loads(stack.good("pulumi", "config", "--json").stdout)
    values = json.dumps({key: each["value"] for key, each in config.items()})
    return json.loads(stack.good(sys.executable, "-c", OWN_SHARE, PULUMI_CONFIG=values).stdout)


class Kubectl:
    """The stack's objects in a namespace beside it, by kubectl."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack, self.namespace, self.file = stack, name, stack.folder / "manifests.json"

    def write(self) -> None:
        """Exports the manifests of the stack's present config."""
        items = own_share(self.stack)["manifests"]
        for item in items:
            item["metadata"]["namespace"] = self.namespace
        self.file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def preview(self) -> float:
        """Seconds of a diff against the API server's dry run."""
        ended = self.stack.run("kubectl", "diff", "-f", str(self.file))
        assert ended.code in (0, 1), ended
        return ended.seconds

    def apply(self) -> float:
        """Seconds until both Deployments are rolled out."""
        target = ("--namespace", self.namespace)
        names = ("deployment/k8s-testapp", "deployment/k8s-testapp-canary")
        commands = [("apply", "-f", str(self.file)), *(("rollout", "status", each, *target) for each in names)]
        return sum(self.stack.good("kubectl", *command).seconds for command in commands)

    def same_objects(self) -> bool:
        """Whether the API server holds the same Deployments in both namespaces."""
        both = [
            json.loads(self.stack.good("kubectl", "get", "deployments", "-n", name, "-o", "json").stdout)["items"]
            for name in (self.stack.namespace, self.namespace)
        ]
        return [each["spec"] for each in both[0]] == [each["spec"] for each in both[1]]


def walk(environment: dict[str, str]) -> tuple[Samples, Samples, Samples]:
    """One release from its start to its promotion, by Pulumi and by kubectl, step by step in turn; own shares."""
    by_pulumi, by_kubectl, own = defaultdict(list), defaultdict(list), defaultdict(list)
    with namespace(environment) as name, namespace(environment) as beside, tempfile.TemporaryDirectory() as folder:
        stack = Stack.seed(Path(folder), name, 0)
        kubectl = Kubectl(stack, beside)
        for _ in range(ROUNDS):
            for step, config in WALK.items():
                stack.configure(**config)
                kubectl.write()
                if step == "widen":
                    for _ in range(QUICK):
                        by_pulumi["`pulumi preview` of the widening"].append(stack.good("pulumi", "preview").seconds)
                        by_kubectl["`pulumi preview` of the widening"].append(kubectl.preview())
                        share = own_share(stack)
                        own["own modules imported, ms"].append(share["imported"] * 1000)
                        own["config, checks and objects of one release, ms"].append(share["computed"] * 1000)
                by_pulumi[step].append(stack.up().seconds)
                settled(stack)
                by_kubectl[step].append(kubectl.apply())
                until(kubectl.same_objects, "the same objects in both namespaces", 5)
                if step == "first `up`":
                    for _ in range(QUICK):
                        by_pulumi["unchanged `up`"].append(unchanged(stack))
                        by_kubectl["unchanged `up`"].append(kubectl.apply())
            stack.good("pulumi", "destroy", "--yes")
            stack.good("kubectl", "delete", "-f", str(kubectl.file))
            stack.good("kubectl", "wait", "--for=delete", "pods", "--all", "--namespace", beside, "--timeout=60s")
            settled(stack)
    return by_pulumi, by_kubectl, own


def growth(environment: dict[str, str]) -> tuple[Samples, Samples, dict[str, int]]:
    """Previews and unchanged updates of stacks with more and more releases, and their numbers of resources."""
    previews, updates, resources = defaultdict(list), defaultdict(list), {}
    with namespace(environment) as name, project(MANY, name) as stack:
        stack.configure(namespace=name)
        deployed = 0
        for releases in RELEASES:
            while deployed < releases:
                deployed = min(deployed + WAVE, releases)
                stack.configure(releases=deployed)
                stack.up()
                # Neither command reads pods: those of earlier waves need not run.
                stack.kubectl("scale", "deployments", "--all", "--replicas=0")
            settled(stack)
            for _ in range(ROUNDS):
                previews[str(releases)].append(stack.good("pulumi", "preview").seconds)
                updates[str(releases)].append(unchanged(stack))
            resources[str(releases)] = stack.changes()["same"]
    return previews, updates, resources


def floor(environment: dict[str, str]) -> Samples:
    """What nothing costs: programs that start, an empty stack, a pod without a release."""
    samples: Samples = defaultdict(list)
    with namespace(environment) as name, project("", name) as stack:
        for number in range(ROUNDS * QUICK):
            pod = f"pod-{number}"
            samples["`pulumi version`"].append(stack.good("pulumi", "version").seconds)
            samples["`kubectl version --client`"].append(stack.good("kubectl", "version", "--client").seconds)
            samples["imports of both SDKs"].append(stack.good(sys.executable, "-c", IMPORTS).seconds)
            samples["`pulumi preview` of an empty program"].append(stack.good("pulumi", "preview").seconds)
            run = ("run", pod, "--image=arisu1000/simple-container-app:v0.1", "--restart=Never", "-n", name)
            wait = ("wait", "--for=condition=Ready", f"pod/{pod}", "-n", name, "--timeout=60s")
            started = [stack.good("kubectl", *run).seconds, stack.good("kubectl", *wait).seconds]
            samples["`kubectl run` until the pod is ready"].append(sum(started))
    return samples


def machine(environment: dict[str, str]) -> list[str]:
    """What the figures hold for, one fact a line."""

    def output(*command: str) -> str:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    kernel = re.match(r"[0-9.]*[0-9]", platform.release())
    kubernetes = json.loads(output("kubectl", "version", "--output=json"))["serverVersion"]["gitVersion"]
    (plugin,) = Path(environment.get("PULUMI_HOME", Path.home() / ".pulumi")).glob(
        "plugins/resource-kubernetes-v*/pulumi-resource-kubernetes"
    )
    host = ROOT / ".sandbox" / "bin" / "pulumi-language-python"
    return [
        f"CPU: {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores; Linux {kernel[0] if kernel else ''}",
        f"Kubernetes {kubernetes}, one node; Pulumi engine {output('pulumi', 'version')}",
        f"Python {platform.python_version()}, pulumi {version('pulumi')}, "
        f"pulumi-kubernetes {version('pulumi-kubernetes')}",
        f"Provider: {kind(plugin)}; language host: {kind(host) if host.exists() else 'official'}",
    ]


def kind(program: Path) -> str:
    """Official plugins are binaries, the sandbox's stand-ins are scripts."""
    return "the sandbox's stand-in" if program.read_bytes()[:2] == b"#!" else "official"


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table: text to the left, numbers to the right, the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        [
            cell.ljust(width) if not number else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    lines.insert(1, ["-" * width if not number else "-" * (width - 1) + ":" for number, width in enumerate(widths)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def compared(by_pulumi: Samples, by_kubectl: Samples) -> list[tuple[str, ...]]:
    """Rows of medians and their ratio."""
    rows = [("step", "runs", "pulumi, s", "kubectl, s", "ratio")]
    for step, samples in by_pulumi.items():
        ours, theirs = median(samples), median(by_kubectl[step])
        rows.append((step, str(len(samples)), f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.1f}"))
    return rows


def grown(previews: Samples, updates: Samples, resources: dict[str, int]) -> list[tuple[str, ...]]:
    """Rows by number of releases, with the ratio to one release."""
    rows: list[tuple[str, ...]] = [
        ("releases", "resources", "runs", "`pulumi preview`, s", "× one release", "unchanged `up`, s", "× one release")
    ]
    for releases, samples in previews.items():
        row = [releases, str(resources[releases]), str(len(samples))]
        for series in (previews, updates):
            row += [f"{median(series[releases]):.2f}", f"{median(series[releases]) / median(series['1']):.1f}"]
        rows.append(tuple(row))
    return rows


def first_answer() -> str:
    """The time from a clone to the first answer, if it was taken on this machine."""
    if not FIRST_ANSWER.exists():
        return ""
    return (
        f"\nFrom a clone to the first answer of the sample, on this machine: {float(FIRST_ANSWER.read_text()):.0f} s.\n"
    )


def main() -> None:
    """Measures, prints and writes the page."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; the namespaces are deleted"))
    environment = sandbox_environment()
    load = [os.getloadavg()[0]]
    started = floor(environment)
    by_pulumi, by_kubectl, own = walk(environment)
    previews, updates, resources = growth(environment)
    load.append(os.getloadavg()[0])
    facts = [*machine(environment), f"Load average of one minute: {load[0]:.1f} at the start, {load[1]:.1f} at the end"]
    own_rows = [(what, str(len(samples)), f"{median(samples):.1f}") for what, samples in own.items()]
    floor_rows = [(what, str(len(samples)), f"{median(samples):.2f}") for what, samples in started.items()]
    page = f"""# Benchmarks

Written by `make bench`. Medians.

{MEANING}

{chr(10).join(f"- {fact}" for fact in facts)}
{first_answer()}
## One release: 2 stable pods; canary of 1, 2 and 0 pods

{table(*compared(by_pulumi, by_kubectl))}

## Many releases in one stack, nothing to change

Each has a stable pod, a canary scaled to zero and a Service. They were deployed {WAVE} at a time and the pods scaled to
zero by kubectl afterwards, as a node takes 110 pods; neither command reads pods.

{table(*grown(previews, updates, resources))}

## The floor

{table(("what", "runs", "s"), *floor_rows)}

## The program's own share of a preview

{table(("what", "runs", "median"), *own_rows)}
"""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
