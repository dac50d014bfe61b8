"""What is asked of the cluster before an update: whether it may check the preview, which objects of the release are
there, what else its pods need, and which pods of others the Services select.

The Kubernetes provider tells none of this. Without the right to write, it previews from the config alone and says
nothing. It reports an object that exists, or that somebody deleted, only in the middle of the update.
"""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi

from ..model.objects import manifests
from ..model.problem import Problem, literal
from ..model.tree import Object, objects_at, text_at
from ..pulumi_host import Refusal
from ..text.report import report
from ..text.spelling import Spelling
from ..update.update import Update
from .cluster import Cluster, Unanswered, answered, objects
from .needed import missing, not_there
from .selected_pods import foreign_pods, selected

ADOPT = "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"
REFRESH = "PULUMI_OPTION_REFRESH"
"""The engine's option `--refresh` as a variable. The engine shows a program its variables, and not its options."""
RESOURCES = {"Deployment": ("apps", "deployments"), "Service": ("", "services")}
"""API group and resource of each kind."""

Named = tuple[str, str]
"""Kind and name of an object."""


async def check_names(name: str, update: Update, cluster: Cluster | None, spelling: Spelling) -> None:
    """Asks what a preview does not tell, and warns. Raises `Refusal` if a name is taken, or an object is gone.

    In an update it asks only for names, and for what the pods need. What the cluster does not answer is told,
    and refuses nothing.
    """
    preview, new = pulumi.runtime.is_dry_run(), update.new
    if cluster is None and not preview:
        return
    reviews = access_reviews(update)
    # Several processes at the same time take as long as one.
    allowed, live, pods, namespaces, config_maps, secrets = await asyncio.gather(
        answered(cluster, lambda cluster: _allowed(list(reviews.values()), cluster) if preview else []),
        answered(cluster, lambda cluster: _live(list(manifests(new)), new.namespace, cluster)),
        answered(cluster, lambda cluster: selected(new, cluster) if preview else []),
        # Whoever may not read Secrets is still told of ConfigMaps.
        answered(cluster, lambda cluster: missing(new, "namespace", cluster)),
        answered(cluster, lambda cluster: missing(new, "configmap", cluster)),
        answered(cluster, lambda cluster: missing(new, "secret", cluster)),
    )
    needed = [each for found in (namespaces, config_maps, secrets) if isinstance(found, list) for each in found]
    for warning in (
        not_asked(allowed, live, pods),
        unchecked(new.namespace, reviews, allowed) if isinstance(allowed, list) else None,
        *(foreign_pods(new, pods) if isinstance(pods, list) else ()),
        not_there(new.namespace, needed),
    ):
        if warning:
            pulumi.log.warn(warning)
    if isinstance(live, Unanswered):
        return
    made = created(update)
    found = [each for each in live if _named(each) in made]
    refused = [taken(name, update, found, spelling)] if found and not _adopts() else []
    if lost := gone(update, live):
        refused.append(deleted(name, update, lost, spelling))
    if refused:
        raise Refusal("\n\n".join(refused))
    for each in found:
        title = f"{' '.join(_named(each))} in {new.namespace}"
        pulumi.log.warn(f"takes over {title}, managed by {holder(each)}: {ADOPT} is set")


def not_asked(allowed: Any, live: Any, pods: Any) -> str | None:
    """The warning for questions that are unanswered; None if all were answered."""
    questions = {
        "whether the API server can check this preview": allowed,
        "which objects of the release are there": live,
        "which other pods its Services select": pods,
    }
    unanswered = {what: answer.reason for what, answer in questions.items() if isinstance(answer, Unanswered)}
    if not unanswered:
        return None
    *first, last = unanswered
    what = f"{', '.join(first)} and {last}" if first else last
    return f"not checked: {what} ({'; '.join(dict.fromkeys(unanswered.values()))})"


def created(update: Update) -> list[Named]:
    """The objects that the update makes, whose names must be free."""
    old, new = update.old, update.new
    before = manifests(old) if old and old.namespace == new.namespace else {}
    return [each for each in manifests(new) if each not in before]


def gone(update: Update, live: Sequence[Object]) -> list[Named]:
    """The objects that the last update left, and that are not among the live ones any more.

    After an update that did not finish, nobody knows what it left. A refresh puts the state right.
    """
    if update.old is None or not update.finished or os.environ.get(REFRESH, "").lower() in ("1", "true"):
        return []
    there = [*map(_named, live), *created(update)]
    return [each for each in manifests(update.new) if each not in there]


def access_reviews(update: Update) -> dict[str, Object]:
    """What this identity must be allowed, in words, with the question to the API server.

    The provider makes an object by server-side apply, for which the API server wants both verbs (4.25.0; from 4.29 on
    it makes one by `create` alone).
    """
    made, reviews = created(update), dict[str, Object]()
    for kind, name in manifests(update.new):
        group, resource = RESOURCES[kind]
        for verb in ("create", "patch") if (kind, name) in made else ("patch",):
            asked = {"namespace": update.new.namespace, "group": group, "resource": resource, "verb": verb}
            # A right to create cannot name the object.
            spec = {"resourceAttributes": asked if verb == "create" else {**asked, "name": name}}
            review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
            reviews[f"{verb} {kind} {name}"] = review
    return reviews


def unchecked(namespace: str, rights: Iterable[str], allowed: Sequence[bool]) -> str | None:
    """The warning for rights that this identity does not have; None if it has all. `allowed` has their order."""
    denied = [right for right, may in zip(rights, allowed, strict=False) if not may]
    if not denied:
        return None
    return (
        f"the API server did not check this preview: this identity may not {', '.join(denied)} in {namespace}; "
        "what the server would refuse shows only in the update"
    )


def holder(live: Object) -> str:
    """Who manages a live object, as far as it tells."""
    label = text_at(live, "metadata", "labels", "app.kubernetes.io/managed-by")
    fields = [entry for entry in objects_at(live, "metadata", "managedFields") if not entry.get("subresource")]
    managers = list(dict.fromkeys(text_at(entry, "manager") for entry in fields))
    return label or ", ".join(filter(None, managers)) or "nobody it names"


def taken(name: str, update: Update, live: Sequence[Object], spelling: Spelling) -> str:
    """Why the update is refused: objects that it would make are there already."""
    where = f"already exists in {update.new.namespace} and is not this stack's; it is managed by"
    kept = "; the names of a deployed release must not change, so move or delete that object" if update.old else ""
    told = {_named(each): f"{where} {holder(each)}{kept}" for each in live}
    headline = f"CanaryRelease {name!r}: a name that it needs is taken"
    return (
        f"{_report(headline, told, spelling)}\n\n"
        f"to keep it as it runs: `make adopt`; to make it what the config says: {ADOPT}=true {spelling.update}"
    )


def deleted(name: str, update: Update, lost: Sequence[Named], spelling: Spelling) -> str:
    """Why the update is refused: it would change objects that somebody deleted, and fail in its middle."""
    where = f"is not in {update.new.namespace} any more: somebody deleted it after the last update"
    headline = f"CanaryRelease {name!r} does not find all of its objects"
    return (
        f"{_report(headline, dict.fromkeys(lost, where), spelling)}\n\n"
        f"to make it again: {REFRESH}=true {spelling.update}\n"
        "(the program does not see the option --refresh: set the variable)"
    )


def _report(headline: str, told: Mapping[Named, str], spelling: Spelling) -> str:
    problems = [Problem(("manifest",), name, literal(f"{kind} {name} {why}")) for (kind, name), why in told.items()]
    return report(f"{headline}; nothing of this release was changed", problems, spelling)


def _named(live: Object) -> Named:
    return live["kind"], live["metadata"]["name"]


def _adopts() -> bool:
    return os.environ.get(ADOPT) == "true" or pulumi.Config("kubernetes").get("upsertExistingObjects") == "true"


def _allowed(reviews: Sequence[Object], cluster: Cluster) -> list[bool]:
    question = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    options = ["--validate=false", "--filename=-", "--output=jsonpath={.status.allowed} "]
    return [word == "true" for word in cluster.ask("create", *options, stdin=question).split()]


def _live(named: Sequence[Named], namespace: str, cluster: Cluster) -> list[Object]:
    names = [f"{'.'.join(filter(None, reversed(RESOURCES[kind])))}/{name}" for kind, name in named]
    return objects(cluster.ask, namespace, *names, "--show-managed-fields")
