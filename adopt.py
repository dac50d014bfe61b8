"""Writes the stack file of a release that adopts a running Deployment and its Service, and tells what adopting changes.

It asks the API server by kubectl and changes nothing in the cluster.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import yaml

from components import checks, objects
from components.args import DEFAULTS
from components.problems import config_keys, report
from components.release import Release, camel
from kubeconfig import kubectl
from plan import changes
from preflight import ADOPT
from settings import declared_in
from stack_files import EngineDumper, project_name

Manifest = dict[str, Any]

SERVER_DEFAULTS: Manifest = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "successThreshold": 1,
    "failureThreshold": 3,
    "timeoutSeconds": 1,
    "scheme": "HTTP",
    "resources": {},
}
"""What the API server fills in by itself: left out of the stack file, so that a reader sees what was decided."""
BOOKKEEPING = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
"""Annotations of the cluster's own tools."""
BESIDE = "declare the release beside it under another name, BESIDE=<name>, and move over: docs/recipes.md"
NOT_SET = " => not set"


def arguments_of(deployment: Manifest, service: Manifest | None, beside: str = "") -> Manifest:
    """Arguments of the release that declares the live objects, or the same pods under another name beside them.

    Raises `ValueError` where none can.
    """
    metadata, spec = deployment["metadata"], deployment["spec"]
    labels: Manifest = spec["template"]["metadata"]["labels"]
    if "app" not in labels:
        patch = json.dumps({"spec": {"template": {"metadata": {"labels": {"app": metadata["name"]}}}}})
        where = f"{metadata['name']} --namespace {metadata['namespace']}"
        raise ValueError(f"its pods have no label app: kubectl patch deployment {where} --patch '{patch}'")
    wanted = {"matchLabels": {"app": labels["app"], "version": "stable"}}
    if spec["selector"] != wanted and not beside:
        raise ValueError(
            f"its selector is {json.dumps(spec['selector'])}, which never changes on a Deployment, and a release "
            f"needs {json.dumps(wanted)}, so that no canary pod counts as its own: {BESIDE}"
        )
    if len(spec["template"]["spec"]["containers"]) > 1:
        raise ValueError("it has several containers and a release one: make the others initContainers that restart")
    [container] = spec["template"]["spec"]["containers"]
    named, _, digest = container["image"].partition("@")
    image, tag = re.match(r"(.*?)(?::([^/:]*))?$", named).groups()  # pyright: ignore[reportOptionalMemberAccess] # matches any text
    version = digest or tag  # Beside a digest Kubernetes ignores the tag.
    if not version or version == "latest":
        raise ValueError(f"its image {container['image']} names no version that stays: give it a tag, let it roll")
    args: Manifest = {
        "name": beside or metadata["name"],
        "namespace": metadata["namespace"],
        "app": labels["app"],
        "image": image,
        "stable_version": version,
        "stable_replicas": spec["replicas"],
        "container_name": container["name"],
        "min_ready_seconds": spec.get("minReadySeconds", 0),
        "ready_timeout_seconds": spec["progressDeadlineSeconds"] - spec.get("minReadySeconds", 0),
    }
    if ports := container.get("ports"):
        args["container_port"] = ports[0]["containerPort"]
    args |= _service_arguments(service, args["app"], args.get("container_port", DEFAULTS["container_port"]))
    live = cast(Manifest, without_server_defaults(_with_numbered_ports(container, ports or [])))
    pod = cast(Manifest, without_server_defaults(spec["template"]["spec"]))
    get: Manifest = live.get("readinessProbe", {}).get("httpGet", {})
    if get.keys() == {"path", "port"} and get["port"] == args.get("container_port"):
        args["readiness_path"] = get["path"]
    base = objects.stable_deployment(Release.of(cast(Any, args)))["spec"]["template"]["spec"]
    args["container"] = given(_owned(base["containers"][0]), _owned(live))
    if "readinessProbe" not in live:
        args["container"].pop("readinessProbe", None)  # A release has one: without it, pods get requests too early.
    args["pod"] = given(_without(base, "containers"), _without(pod, "containers", "serviceAccount"))
    implied: Manifest = {**DEFAULTS, "container_name": args["name"], "container": {}, "pod": {}}
    return {name: value for name, value in args.items() if value != implied.get(name)}


def _service_arguments(service: Manifest | None, app: str, container_port: int) -> Manifest:
    if not service or service["spec"]["type"] not in checks.SERVICE_TYPES or len(service["spec"]["ports"]) > 1:
        return {"service_type": "none"}
    [port] = service["spec"]["ports"]
    found = {
        "service_type": service["spec"]["type"],
        "service_name": service["metadata"]["name"],
        "service_port": port["port"],
        "node_port": port.get("nodePort"),
    }
    implied = {"service_name": f"{app}-svc", "service_port": container_port, "node_port": None}
    return {name: value for name, value in found.items() if name not in implied or value != implied[name]}


def _owned(container: Manifest) -> Manifest:
    return _without(container, "name", "image", "ports")


def _without(manifest: Manifest, *fields: str) -> Manifest:
    return {field: value for field, value in manifest.items() if field not in fields}


def without_server_defaults(live: Any) -> Any:
    """The live fields without those that the API server fills in with these very values."""
    if isinstance(live, dict):
        fields = cast(Manifest, live).items()
        return {
            field: without_server_defaults(value)
            for field, value in fields
            if field not in SERVER_DEFAULTS or value != SERVER_DEFAULTS[field]
        }
    return [without_server_defaults(item) for item in cast(list[Any], live)] if isinstance(live, list) else live


def _with_numbered_ports(container: Manifest, ports: list[Manifest]) -> Manifest:
    """The container, its probes on numbers: a release's port has no name."""
    numbers = {port["name"]: port["containerPort"] for port in ports if "name" in port}

    def numbered(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        fields = cast(Manifest, value).items()
        return {key: numbers.get(item, item) if key == "port" else numbered(item) for key, item in fields}

    return {field: numbered(value) if field.endswith("Probe") else value for field, value in container.items()}


def given(defaults: Mapping[str, Any], wanted: Mapping[str, Any]) -> Manifest:
    """The fields that `objects.merged` has to put over the defaults to get what is wanted."""
    another_way = any(way in wanted and way not in defaults for way in objects.ALTERNATIVES)
    result: Manifest = {}
    for field in {**defaults, **wanted}:
        default, value = defaults.get(field), wanted.get(field)
        if field not in wanted:
            if not (another_way and field in objects.ALTERNATIVES):
                result[field] = None
        elif isinstance(default, dict) and isinstance(value, dict):
            if below := given(cast(Manifest, default), cast(Manifest, value)):
                result[field] = below
        elif field not in defaults or default != value:
            result[field] = value
    return result


def stack_file(context: str, project: str, args: Manifest) -> str:
    """The text of a stack file."""
    # Without it the provider refuses to change a field that kubectl once wrote.
    lines = ["config:", f"  kubernetes:context: {json.dumps(context)}", '  kubernetes:enablePatchForce: "true"']
    for name, value in args.items():
        if isinstance(value, dict):
            block = yaml.dump(value, Dumper=EngineDumper, sort_keys=False, width=1000)
            lines += [f"  {project}:{camel(name)}:", *(f"    {line}" for line in block.splitlines())]
        else:
            lines.append(f"  {project}:{camel(name)}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def told(release: Release, found: Mapping[str, list[str]], stack: str, leaving: str) -> str:
    """What adopting changes, and the commands that do it; `leaving` is the Deployment that the release replaces."""
    named = [f"  {what}: {change}" for what, listed in found.items() for change in listed]
    now = [line for line in named if not line.endswith(NOT_SET)]
    later = [line for line in named if line.endswith(NOT_SET)]
    lines = [f"adopting changes {'this:' if now else 'nothing'}", *now]
    if later:
        lines += ["no key of a release holds this; the next update that changes the object drops it:", *later]
    if leaving:
        lines.append(f"creates Deployment {release.name}; {leaving} stays until you delete it")
    else:
        rolls = any(": spec.template." in line for line in named)
        lines.append("pods are replaced, one after the other" if rolls else "no pod is replaced")
    if not release.service_name:
        lines.append(f"no Service is adopted: one that selects app={release.app} alone serves both tracks")
    lines += [
        f"next, with Pulumi.{stack}.yaml as it was written:",
        f"  pulumi stack init {stack}",
        f"  {ADOPT}=true pulumi up --stack {stack}",
        f"  pulumi preview --stack {stack} --refresh --expect-no-changes",
    ]
    if leaving:
        lines.append(f"  kubectl delete deployment {leaving} --namespace {release.namespace}")
    return "\n".join(lines)


def differences(live: Manifest, wanted: Manifest) -> list[str]:
    """What differs in labels, annotations and spec."""
    return list(changes(_compared(live), _compared(wanted)))


def _compared(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    annotations = _without(metadata.get("annotations", {}), *BOOKKEEPING)
    return {"metadata": {"labels": metadata.get("labels", {}), "annotations": annotations}, "spec": manifest["spec"]}


def selecting(services: list[Manifest], deployment: Manifest) -> Iterator[Manifest]:
    """The Services that send connections to the Deployment's pods."""
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    for service in services:
        selector: Manifest = service["spec"].get("selector") or {}
        if selector and selector.items() <= labels:
            yield service


def scaling(autoscalers: list[Manifest], deployment: Manifest) -> Iterator[str]:
    """The HorizontalPodAutoscalers that set the Deployment's replicas."""
    for autoscaler in autoscalers:
        target: Manifest = autoscaler["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"]):
            yield autoscaler["metadata"]["name"]


def _adopt(name: str, namespace: str, service_name: str, beside: str, stack: str) -> str:
    path = Path(f"Pulumi.{stack}.yaml")
    if path.exists():
        other = "name another stack, STACK=<name>, or delete it, if its stack is gone"
        raise ValueError(f"{path} is there already: {other}")
    where = [*(["--namespace", namespace] if namespace else []), "--output", "json"]
    deployment = json.loads(kubectl("get", "deployment", name, *where))

    def listed(kind: str) -> list[Manifest]:
        return json.loads(kubectl("get", kind, *where))["items"]

    if beside:
        if taken := {beside, f"{beside}-canary"} & {each["metadata"]["name"] for each in listed("deployments")}:
            raise ValueError(f"Deployment {', '.join(sorted(taken))} is there already: BESIDE=<another name>")
    elif names := " ".join(scaling(listed("horizontalpodautoscalers"), deployment)):
        raise ValueError(
            f"HorizontalPodAutoscaler {names} sets its replicas, and so does a release, by its config; "
            "delete it, and its last number of pods stays, and becomes the config's: "
            f"kubectl delete horizontalpodautoscaler {names} --namespace {deployment['metadata']['namespace']}"
        )
    services = list(selecting(listed("services"), deployment))
    if service_name:
        services = [service for service in services if service["metadata"]["name"] == service_name]
    if len(services) > 1 or (service_name and not services):
        names = ", ".join(service["metadata"]["name"] for service in services) or "none of that name"
        raise ValueError(f"a release has one Service, and its pods are selected by {names}: choose by SERVICE=<name>")
    service = services[0] if services else None
    args = arguments_of(deployment, service, beside)
    context, project = kubectl("config", "current-context").strip(), project_name()
    if others := [f"{file} has the same {same}" for file, same in declared_in(project, args, context)]:
        there = f"{', '.join(others)} in namespace {deployment['metadata']['namespace']}"
        raise ValueError(f"{there}: use its stack, or delete that file, if the stack is gone")
    if problems := checks.problems(args):
        # The fixes of a config are none here: there is no stack yet.
        unfixed = [replace(problem, fix=()) for problem in problems]
        text = report("no config of a release says what runs", unfixed, config_keys(stack))
        raise ValueError(f"{text}\n\nchange it in the cluster first, with kubectl")
    release = Release.of(cast(Any, args))
    declared: dict[str, tuple[Manifest, str, Manifest]] = {}
    if not beside:
        declared[f"Deployment {name}"] = (deployment, "apps/v1", objects.stable_deployment(release))
    if service and release.service_name:
        declared[f"Service {release.service_name}"] = (service, "v1", objects.service(release))
    found: dict[str, list[str]] = {}
    for what, (live, version, wanted) in declared.items():
        # What the API server would make of the release's own fields alone, its defaults filled in.
        manifest = json.dumps({"apiVersion": version, "kind": what.split()[0], **wanted})
        replaced = kubectl("replace", "--dry-run=server", "--output", "json", "--filename", "-", stdin=manifest)
        found[what] = differences(live, json.loads(replaced))
    path.write_text(stack_file(context, project, args), encoding="utf-8")
    return told(release, found, stack, name if beside else "")


def main() -> None:
    """Writes the stack file. Exits with 1 if nothing can be adopted."""
    parser = argparse.ArgumentParser(prog="make adopt", description=__doc__)
    parser.add_argument("name", help="NAME: the Deployment")
    parser.add_argument("--namespace", default="", help="NAMESPACE (default: that of kubectl's context)")
    parser.add_argument("--service", default="", help="SERVICE: needed if several select its pods")
    parser.add_argument("--beside", default="", help="BESIDE: name of a Deployment that takes its place")
    parser.add_argument("--stack", default="dev", help="STACK: the stack whose file is written (default: %(default)s)")
    asked = parser.parse_args()
    if not asked.name:
        parser.error("which Deployment? NAME=<name>")
    try:
        print(_adopt(asked.name, asked.namespace, asked.service, asked.beside, asked.stack))
    except ValueError as error:
        sys.exit(f"error: Deployment {asked.name} is not adopted: {error}")


if __name__ == "__main__":
    main()
