"""Ends a release and keeps what it runs: its objects go on as plain manifests, which kubectl, Helm or Argo CD may own.

It writes the manifests, removes the release's own annotations from the objects, hands their fields over to kubectl, and
removes the release from the stack's state. After an interrupt, the same command goes on.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from canary_release.hooks.cluster import Cluster
from canary_release.model.objects import OWNERSHIP, WITHOUT_AWAIT
from canary_release.model.tree import ABSENT, Object, get, with_value
from stack.files import read_config
from tools.adopt.files import manifest_text, write
from tools.adopt.managers import handed_over
from tools.adopt.namespace import Namespace
from tools.hold import only_one
from tools.pulumi import COMPONENT, Pulumi

KINDS = {"kubernetes:apps/v1:Deployment": "Deployment", "kubernetes:core/v1:Service": "Service"}
ANNOTATIONS = ("metadata", "annotations")
NEXT_MANAGER = "kubectl"
"""The field manager of `kubectl apply --server-side`."""


def declared(resources: list[Object]) -> dict[str, list[Object]]:
    """The objects of each release in the state, by the URN of its component."""
    found: dict[str, list[Object]] = {each["urn"]: [] for each in resources if each["type"] == COMPONENT}
    for each in resources:
        if each.get("parent") in found and each["type"] in KINDS and not each.get("delete"):
            found[each["parent"]].append(each["inputs"])
    listed = ((component, sorted(objects, key=lambda each: str(each["kind"]))) for component, objects in found.items())
    return {component: objects for component, objects in listed if objects}


def plain(object_: Object) -> Object:
    """The object as a manifest, without the annotations of the release."""
    annotations: dict[str, str] = get(object_, ANNOTATIONS, {})
    kept = {key: value for key, value in annotations.items() if key not in OWNERSHIP and key not in WITHOUT_AWAIT}
    return with_value(object_, ANNOTATIONS, kept or ABSENT)


def free(namespace: Namespace, kind: str, name: str) -> None:
    """Takes the release's annotations from a live object, and hands its fields over."""
    if (live := namespace.get(kind, name)) is None:
        return
    metadata: dict[str, Any] = live["metadata"]
    own = [key for key in (*OWNERSHIP, *WITHOUT_AWAIT) if key in metadata.get("annotations", {})]
    managers = metadata.get("managedFields", [])
    handed = handed_over(managers, NEXT_MANAGER)
    if own or handed != managers:
        version = {"resourceVersion": metadata["resourceVersion"]}
        namespace.patch(live, {"metadata": {**version, "annotations": dict.fromkeys(own), "managedFields": handed}})


def written(name: str, text: str) -> Path:
    """The file with the text: a new one, unless one that was written before says the same."""
    path, number = Path(f"{name}.yaml"), 1
    while path.exists() and path.read_text(encoding="utf-8") != text:
        number += 1
        path = Path(f"{name}-{number}.yaml")
    print(write(path, text))
    return path


def leave(stack: str) -> None:
    """Does what the module says. Raises `ValueError` where it cannot go on."""
    pulumi = Pulumi(stack)
    state = json.loads(pulumi.answer("stack", "export"))["deployment"]
    releases = declared(state.get("resources", []))
    if not releases:
        print(f"stack {stack} has no release")
        return
    config = json.loads(pulumi.answer("config", "--json", "--show-secrets"))
    cluster = Cluster(*(get(config, (f"kubernetes:{key}", "value"), None) for key in ("kubeconfig", "context")))
    for component, objects in releases.items():
        path = written(f"{component.rpartition('::')[2]}-{stack}", manifest_text([plain(each) for each in objects]))
        for each in objects:
            metadata = each["metadata"]
            free(Namespace(cluster, metadata["namespace"]), each["kind"], metadata["name"])
            print(f"{each['kind']} {metadata['name']} stays in namespace {metadata['namespace']}")
        pulumi.run("state", "delete", component, "--target-dependents", "--force", "--yes")
        print(f"stack {stack} has no release any more; from now on: kubectl apply --server-side --filename {path}")
    print(f"left to do: delete Pulumi.{stack}.yaml, and its stack by `pulumi stack rm {stack} --force`")


def main() -> None:
    """Leaves. Exits with 1 if that is not possible, or not further."""
    parser = argparse.ArgumentParser(prog="make leave", description=__doc__)
    parser.add_argument("--stack", required=True, help="STACK: the stack that the release leaves")
    asked = parser.parse_args()
    try:
        read_config(asked.stack)
        with only_one(asked.stack):
            leave(asked.stack)
    except ValueError as error:
        sys.exit(f"error: stack {asked.stack} is not left: {error}")
    except KeyboardInterrupt:
        sys.exit("\ninterrupted: run the same command again, it continues from here")


if __name__ == "__main__":
    main()
