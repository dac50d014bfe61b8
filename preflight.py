"""What a preview asks the cluster: whether it may check the preview, and whether a name that the update needs is taken.

The Kubernetes provider tells neither: without the right to write it previews from the config alone, without a word, and
that an object exists it tells only in the update.
"""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from components.objects import manifests
from components.problems import Problem, Spelling, literal, report
from components.release import Release
from components.update_hook import errors_with_text
from kubeconfig import kubectl, kubectl_options

ADOPT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
SECONDS = 20
"""How long kubectl may take to ask; a preview must not hang on a cluster that does not answer."""
RESOURCES = {"Deployment": ("apps", "deployments"), "Service": ("", "services")}
"""API group and resource of each kind."""

Object = tuple[str, str]
"""Kind and name."""

Answer = TypeVar("Answer")


def preflight(spelling: Spelling) -> ResourceHookBinding:
    """Hooks for a `CanaryRelease`: they run when its inputs change, and ask the cluster in previews alone."""

    async def before_create(args: ResourceHookArgs) -> None:
        await _ask(args.name, None, Release.of_inputs(args.new_inputs or {}), spelling)

    async def before_update(args: ResourceHookArgs) -> None:
        new = Release.of_inputs(args.new_inputs or {})
        # A component without inputs was imported, and its objects with it.
        old = Release.of_inputs(args.old_inputs) if args.old_inputs else new
        await _ask(args.name, old, new, spelling)

    everywhere = ResourceHookOptions(on_dry_run=True)
    return ResourceHookBinding(
        before_create=[ResourceHook("preflight-create", before_create, everywhere)],
        before_update=[ResourceHook("preflight-update", before_update, everywhere)],
    )


def created(old: Release | None, new: Release) -> list[Object]:
    """The objects that the update makes, whose names must be free."""
    before = manifests(old) if old and old.namespace == new.namespace else {}
    return [each for each in manifests(new) if each not in before]


def access_reviews(old: Release | None, new: Release) -> list[dict[str, Any]]:
    """The question, for each object of the release, whether this identity may write it as the update does."""
    made = created(old, new)
    reviews: list[dict[str, Any]] = []
    for kind, name in manifests(new):
        group, resource = RESOURCES[kind]
        # A right to create cannot name the object.
        how = {"verb": "create"} if (kind, name) in made else {"verb": "patch", "name": name}
        attributes = {"namespace": new.namespace, "group": group, "resource": resource, **how}
        reviews.append(
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
        )
    return reviews


def unchecked(old: Release | None, new: Release, allowed: Sequence[bool]) -> str | None:
    """The warning for what this identity may not write, in the order of `access_reviews`; None if it may write all."""
    made = created(old, new)
    denied = [
        f"{'create' if (kind, name) in made else 'patch'} {kind} {name}"
        for (kind, name), may in zip(manifests(new), allowed, strict=True)
        if not may
    ]
    if not denied:
        return None
    return (
        f"the API server did not check this preview: this identity may not {', '.join(denied)} in {new.namespace}; "
        "what the server would refuse shows only in the update"
    )


def holder(live: dict[str, Any]) -> str:
    """Who manages a live object, as far as it tells."""
    metadata = live["metadata"]
    label = metadata.get("labels", {}).get("app.kubernetes.io/managed-by")
    fields = [entry for entry in metadata.get("managedFields", []) if not entry.get("subresource")]
    managers = list(dict.fromkeys(entry["manager"] for entry in fields if entry.get("manager")))
    return ", ".join([label] if label else managers) or "nobody it names"


def taken(name: str, old: Release | None, new: Release, live: Sequence[dict[str, Any]], spelling: Spelling) -> str:
    """Why the preview is refused: objects that the update would make are there already."""
    problems: list[Problem] = []
    for each in live:
        kind, title = each["kind"], f"{each['kind']} {each['metadata']['name']}"
        argument = "service_name" if kind == "Service" else "name"
        there = f"{title} already exists in {new.namespace} and is not this stack's; it is managed by {holder(each)}"
        kept = "; the names of a deployed release stay, so move or delete that object" if old else ""
        value = new.service_name if kind == "Service" else new.name
        fix = [] if old else [(argument, "<another name>")]
        problems.append(Problem(argument, value, literal(there + kept), fix))
    text = report(f"CanaryRelease {name!r} needs a name that is taken; nothing was changed", problems, spelling)
    return (
        f"{text}\n\nto take over what exists: `make adopt` as it is, "
        f"or {ADOPT}=true {spelling.update} as the config has it"
    )


def not_asked(allowed: Sequence[bool] | str, live: Sequence[dict[str, Any]] | str) -> str | None:
    """The warning for questions that have a reason instead of an answer; None if both were answered."""
    rights, names = "whether the API server can check this preview", "whether its names are free"
    unanswered = {what: why for what, why in ((rights, allowed), (names, live)) if isinstance(why, str)}
    reasons = dict.fromkeys(unanswered.values())
    return f"not checked: {' and '.join(unanswered)} ({'; '.join(reasons)})" if unanswered else None


async def _ask(name: str, old: Release | None, new: Release, spelling: Spelling) -> None:
    if not pulumi.runtime.is_dry_run():
        return
    with errors_with_text(f"the names of CanaryRelease {name!r} could not be checked"):
        # Two processes at once: together they take as long as one.
        allowed, live = await asyncio.gather(
            _answered(lambda: _allowed(access_reviews(old, new))),
            _answered(lambda: _live(created(old, new), new.namespace)),
        )
        if warning := not_asked(allowed, live):
            pulumi.log.warn(warning)
        if isinstance(allowed, list) and (warning := unchecked(old, new, allowed)):
            pulumi.log.warn(warning)
        found = live if isinstance(live, list) else []
        if found and not _adopts():
            raise pulumi.RunError(taken(name, old, new, found, spelling))
        for each in found:
            title = f"{each['kind']} {each['metadata']['name']} in {new.namespace}"
            pulumi.log.warn(f"takes over {title}, managed by {holder(each)}: {ADOPT} is set")


def _adopts() -> bool:
    return os.environ.get(ADOPT) == "true" or pulumi.Config("kubernetes").get("upsertExistingObjects") == "true"


async def _answered(ask: Callable[[], Answer]) -> Answer | str:
    """The answer, or the reason why there is none."""
    try:
        return await asyncio.to_thread(ask)
    except ValueError as error:
        return str(error).splitlines()[-1]


def _allowed(reviews: Sequence[dict[str, Any]]) -> list[bool]:
    question = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    options = ["--validate=false", "--filename=-", "--output=jsonpath={.status.allowed} "]
    return [word == "true" for word in _kubectl("create", *options, stdin=question).split()]


def _live(objects: Sequence[Object], namespace: str) -> list[dict[str, Any]]:
    if not objects:
        return []
    names = [f"{'.'.join(filter(None, reversed(RESOURCES[kind])))}/{name}" for kind, name in objects]
    options = ["--namespace", namespace, "--ignore-not-found", "--show-managed-fields", "--output=json"]
    found = json.loads(_kubectl("get", *names, *options) or '{"items": []}')
    return found.get("items", [found])


def _kubectl(*arguments: str, stdin: str = "") -> str:
    config = pulumi.Config("kubernetes")
    with kubectl_options(config.get("kubeconfig")) as options:
        return kubectl("--context", config.require("context"), *options, *arguments, stdin=stdin, seconds=SECONDS)
