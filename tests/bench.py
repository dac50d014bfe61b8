"""Measures a release against kubectl on the sandbox's cluster; the tables go to the terminal and docs/benchmarks.md.

Asserts no timing. A killed run leaves namespaces: `kubectl delete namespaces --selector=canary-bench` removes them.
"""

import json
import os
import platform
import re
import shutil
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

from tests.e2e.stack import ROOT, Stack, sandbox_environment, until

ROUNDS, QUICK = 3, 2
"""Rounds of everything, and how often each of them repeats the commands that change nothing."""
RELEASES, WAVE = (1, 10, 100), 20
"""Sizes of the stack that grows, and how many of its releases are deployed at once: a node takes 110 pods."""
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
release.inputs()
stable, canary = objects.stable_deployment(release), objects.canary_deployment(release, release.canary)
service = objects.service(release)
seconds = {{"import of its modules": imported - began, "config, checks and objects": time.perf_counter() - imported}}
kinds = (("apps/v1", "Deployment", stable), ("apps/v1", "Deployment", canary), ("v1", "Service", service))
items = [{{"apiVersion": version, "kind": kind, **each}} for version, kind, each in kinds]
print(json.dumps({{"seconds": seconds, "items": items}}))
"""
MANY_RELEASES = """import pulumi
from components import CanaryRelease

config = pulumi.Config()
for number in range(config.require_int("releases")):
    CanaryRelease(f"release-{number}", {
        "name": f"app-{number}", "app": f"app-{number}", "namespace": config.require("namespace"),
        "image": "arisu1000/simple-container-app", "stable_version": "v0.1", "stable_replicas": 1,
        "canary_version": "v0.2",
    })
"""
MEANING = f"""\
Written by `make bench`: medians of the wall-clock time of whole commands, as an operator waits for them.
`pulumi up` previews, updates and ends when every pod is available. kubectl's column is `kubectl apply` and
`kubectl rollout status` of the same objects in the same run; for the preview it is `kubectl diff`.
Where pods start, the ratio tells what a preview, checked config and recorded state cost on top; stable rolls before the
canary, where kubectl starts both at once. Where nothing changes, both columns are mostly programs that start.
The many releases have a stable pod each, a canary scaled to zero and a Service. A node takes 110 pods, so they were
deployed {WAVE} at a time and then scaled to zero by kubectl: neither command that is measured there reads pods.
The floor is what remains without any release; the own share is what this project's code adds to a preview of one."""

Samples = dict[str, list[float]]
Rows = list[list[str]]


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace that is gone at the end, whatever happens in between."""

    def kubectl(*arguments: str) -> None:
        subprocess.run(["kubectl", *arguments], env=sandbox_environment(), check=True, stdout=subprocess.DEVNULL)

    name = f"bench-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    try:
        kubectl("label", "namespace", name, "canary-bench=")
        yield name
    finally:
        kubectl("delete", "namespace", name)


@contextmanager
def stack_of(program: str | None = None) -> Iterator[Stack]:
    """A stack of this project, or of another program, with backend and namespace of its own; both end with it."""
    with namespace() as name, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if program is None:
            yield Stack.seed(folder, name, 0)
        else:
            shutil.copytree(ROOT / "components", folder / "components")
            (folder / "Pulumi.yaml").write_text("name: bench\nruntime: {name: python, options: {virtualenv: .venv}}\n")
            (folder / "Pulumi.dev.yaml").write_text("config: {'kubernetes:context': canary-sandbox}\n")
            (folder / "__main__.py").write_text(program)
            yield Stack(folder, name, 0)


def specs(stack: Stack, name: str) -> list[dict]:
    """What the API server holds of a namespace's Deployments."""
    return [each["spec"] for each in stack.get("deployments", "--namespace", name).get("items", [])]


def settle(stack: Stack, name: str) -> None:
    """Waits until no pod of a namespace is about to end, so that one measurement does not burden the next."""

    def settled() -> bool:
        pods = stack.get("pods", "--namespace", name).get("items", [])
        return not any("deletionTimestamp" in pod["metadata"] for pod in pods)

    until(settled, f"no pod of {name} is about to end")


def unchanged(stack: Stack) -> float:
    """Seconds of an update that finds nothing to do."""
    seconds = stack.up().seconds
    assert set(stack.changes()) == {"same"}, stack.changes()
    return seconds


def own_share(stack: Stack) -> dict:
    """What the program makes of the stack's config: the manifests, and the seconds that it took."""
    config = json.loads(stack.good("pulumi", "config", "--json").stdout)
    values = json.dumps({key: each["value"] for key, each in config.items()})
    return json.loads(stack.good(sys.executable, "-c", OWN_SHARE, PULUMI_CONFIG=values).stdout)


def seconds(stack: Stack, *commands: tuple[str, ...]) -> float:
    """Seconds of commands, one after the other."""
    return sum(stack.good(*command).seconds for command in commands)


def walk() -> tuple[Rows, Rows]:
    """A release from its start to its promotion, by Pulumi and by kubectl in turn: medians and ratios; own shares."""
    ours, theirs, own = defaultdict(list), defaultdict(list), defaultdict(list)
    with stack_of() as stack, namespace() as beside:
        file = stack.folder / "manifests.json"
        apply = [("kubectl", "apply", "-f", str(file))]
        for each in ("deployment/k8s-testapp", "deployment/k8s-testapp-canary"):
            apply.append(("kubectl", "rollout", "status", each, "--namespace", beside))
        for step, config in list(WALK.items()) * ROUNDS:
            stack.configure(**config)
            share = own_share(stack)
            for what, time in share["seconds"].items():
                own[what].append(time)
            for item in share["items"]:
                item["metadata"]["namespace"] = beside
            file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": share["items"]}))
            for _ in range(QUICK if step == "widen" else 0):
                ours["`preview` of the widening"].append(seconds(stack, ("pulumi", "preview")))
                difference = stack.run("kubectl", "diff", "-f", str(file))
                assert difference.code == 1, difference
                theirs["`preview` of the widening"].append(difference.seconds)
            ours[step].append(stack.up().seconds)
            settle(stack, stack.namespace)
            theirs[step].append(seconds(stack, *apply))
            assert specs(stack, stack.namespace) == specs(stack, beside), "not the same objects"
            for _ in range(QUICK if step == "first `up`" else 0):
                ours["unchanged `up`"].append(unchanged(stack))
                theirs["unchanged `up`"].append(seconds(stack, *apply))
            if step == "promote":
                seconds(stack, ("pulumi", "destroy", "--yes"), ("kubectl", "delete", "-f", str(file)))
                settle(stack, stack.namespace)
            settle(stack, beside)
    rows = [["step", "runs", "pulumi, s", "kubectl, s", "ratio"]]
    for step, times in ours.items():
        one, other = median(times), median(theirs[step])
        rows.append([step, f"{len(times)}", f"{one:.2f}", f"{other:.2f}", f"{one / other:.1f}"])
    return rows, medians(own, 1000, "ms")


def grow() -> Rows:
    """Preview and unchanged update of a stack with more and more releases, and the ratios to one release."""
    rows = [["releases", "resources", "runs", "`preview`, s", "ratio to 1", "unchanged `up`, s", "ratio to 1"]]
    with stack_of(MANY_RELEASES) as stack:
        stack.configure(namespace=stack.namespace)
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
            row = [f"{releases}", f"{stack.changes()['same']}", f"{ROUNDS}"]
            row += [f"{preview:.2f}", f"{preview / one[0]:.1f}", f"{update:.2f}", f"{update / one[1]:.1f}"]
            rows.append(row)
    return rows


def floor() -> Rows:
    """What is there without a release: programs that start, an empty stack, a pod."""
    samples: Samples = defaultdict(list)
    with stack_of("") as stack:
        inside = ("--namespace", stack.namespace)
        for number in range(ROUNDS * QUICK):
            image = ("--image=arisu1000/simple-container-app:v0.1", "--restart=Never")
            run = ("kubectl", "run", f"pod-{number}", *image, *inside)
            wait = ("kubectl", "wait", "--for=condition=Ready", f"pod/pod-{number}", *inside)
            samples["engine: `pulumi version`"].append(seconds(stack, ("pulumi", "version")))
            samples["kubectl: `kubectl version --client`"].append(seconds(stack, ("kubectl", "version", "--client")))
            samples["imports of both SDKs"].append(seconds(stack, (sys.executable, "-c", IMPORTS)))
            samples["`pulumi preview` of an empty program"].append(seconds(stack, ("pulumi", "preview")))
            samples["pod: `kubectl run` until it is ready"].append(seconds(stack, run, wait))
    return medians(samples, 1, "s")


def medians(samples: Samples, factor: float, unit: str) -> Rows:
    """A row for each series."""
    rows = [[name, f"{len(series)}", f"{median(series) * factor:.2f}"] for name, series in samples.items()]
    return [["what", "runs", f"median, {unit}"], *rows]


def machine(load: float) -> list[str]:
    """What the figures hold for, and the time from a clone to the first answer if it was taken here."""
    environment = sandbox_environment()

    def kind(program: Path) -> str:
        return "the sandbox's stand-in" if program.is_file() and program.read_bytes()[:2] == b"#!" else "official"

    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    kernel = re.match(r"[0-9.]*[0-9]", platform.release())
    reported = subprocess.run(["kubectl", "version", "--output=json"], env=environment, capture_output=True, check=True)
    engine = subprocess.run(["pulumi", "version"], env=environment, capture_output=True, text=True, check=True).stdout
    plugin = f"plugins/resource-kubernetes-v{version('pulumi-kubernetes')}/pulumi-resource-kubernetes"
    home = Path(environment.get("PULUMI_HOME", Path.home() / ".pulumi"))
    facts = [
        f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, Linux {kernel[0] if kernel else ''}; "
        f"load average of one minute {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end",
        f"Kubernetes {json.loads(reported.stdout)['serverVersion']['gitVersion']}, one node",
        f"Pulumi engine {engine.strip()}, pulumi {version('pulumi')}, "
        f"pulumi-kubernetes {version('pulumi-kubernetes')}, Python {platform.python_version()}",
        f"Kubernetes provider: {kind(home / plugin)}; "
        f"language host: {kind(ROOT / '.sandbox' / 'bin' / 'pulumi-language-python')}",
    ]
    # One number in seconds, left there by whoever times a clone's first `make up`.
    answer = ROOT / ".sandbox" / "logs" / "first-answer.seconds"
    return facts + ([f"From a clone to the first answer: {float(answer.read_text()):.0f} s"] if answer.exists() else [])


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
    started, (compared, own), grown = floor(), walk(), grow()
    sections = {
        "One release: 2 stable pods; a canary of 1, 2 and 0 pods": compared,
        "Many releases in one stack, nothing to change": grown,
        "The floor": started,
        "The program's own share of a preview": own,
    }
    facts = "\n".join(f"- {fact}" for fact in machine(load))
    tables = [f"## {title}\n\n{table(rows)}\n" for title, rows in sections.items()]
    page = "\n".join([f"# Benchmarks\n\n{MEANING}\n\n{facts}\n", *tables])
    print(page)
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "benchmarks.md").write_text(page)


if __name__ == "__main__":
    main()
