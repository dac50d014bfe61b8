"""The namespace in which a Deployment is adopted: what is asked there, and changed."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from canary_release.hooks.cluster import Cluster
from canary_release.hooks.kubectl import KubectlError, label_selector
from canary_release.model.tree import ABSENT, Object, get, with_value

APIS = {"Deployment": "apis/apps/v1", "ReplicaSet": "apis/apps/v1", "Pod": "api/v1"}
SECONDS = 60
"""How long the cluster's controllers may take for what they do."""
AT_ONCE = 20
"""Questions of one kubectl, which sends them one after the other."""
GRACE_PERIOD = ("spec", "terminationGracePeriodSeconds")
"""Where a pod says how long it may take to end, in seconds."""
NUMBER = "canary-release/number"
"""Annotation that says which question of many an answer belongs to."""

Answer = TypeVar("Answer")


class AdoptionError(ValueError):
    """A Deployment cannot be adopted or left, or not further than it is. The text says why."""


@dataclass(frozen=True)
class Namespace:
    """One namespace of a cluster."""

    cluster: Cluster
    name: str

    def get(self, kind: str, name: str) -> Object | None:
        """The object; None if there is none."""
        text = self._ask("get", kind, name, "--ignore-not-found", "--show-managed-fields", "--output", "json")
        return json.loads(text) if text else None

    def listed(self, kind: str, labels: Mapping[str, str] | None = None) -> list[Object]:
        """The objects of a kind that have these labels."""
        selector = ["--selector", label_selector(labels or {})]
        text = self._ask("get", kind, "--show-managed-fields", *selector, "--output", "json")
        return json.loads(text)["items"]

    def patch(self, object_: Object, patch: Object) -> None:
        """Merges the patch into the object."""
        kind, name = object_["kind"], object_["metadata"]["name"]
        self._ask("patch", kind, name, "--type", "merge", "--patch", json.dumps(patch))

    def delete(self, objects: Sequence[Object], propagation: str) -> None:
        """Deletes these very objects, and waits until they are gone. `propagation`: what becomes of those they own."""
        for each in objects:
            kind, metadata = each["kind"], each["metadata"]
            address = f"/{APIS[kind]}/namespaces/{self.name}/{kind.lower()}s/{metadata['name']}"
            options = {"propagationPolicy": propagation, "preconditions": {"uid": metadata["uid"]}}
            try:
                self._ask("delete", "--raw", address, "--filename", "-", stdin=json.dumps(options))
            except KubectlError:
                if self._is_there(each):
                    raise
        # A pod may take the whole of its grace period.
        seconds = SECONDS + max((get(each, GRACE_PERIOD, 0) for each in objects), default=0)
        for each in objects:
            what = f"{each['kind']} {each['metadata']['name']} to be gone"
            until(lambda each=each: not self._is_there(each), what, seconds)

    def forbidden(self, questions: Sequence[tuple[str, str, str]]) -> list[str]:
        """Which of these this identity may not do, each given as verb, API group and resource."""
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        asked = [dict(zip(("verb", "group", "resource"), each, strict=True)) for each in questions]
        reviews = [{**review, "spec": {"resourceAttributes": {"namespace": self.name, **each}}} for each in asked]
        text = self._ask("create", "--validate=false", "--filename", "-", "--output", "json", stdin=_list(reviews))
        answers = zip(questions, documents(text), strict=True)
        return [f"{verb} {resource}" for (verb, _, resource), answer in answers if not answer["status"]["allowed"]]

    def replaced(self, object_: Object, *others: Object) -> tuple[Object, list[Object | None]]:
        """What the API server would make of a live object if it were this, or one of the others: None if it refuses."""
        answer, answers = self._dry_run([object_, *others[:AT_ONCE]], "replace")
        for start in range(AT_ONCE, len(others), AT_ONCE):
            answers += self._dry_run([object_, *others[start : start + AT_ONCE]], "replace")[1]
        return answer, answers

    def applied(self, object_: Object, manager: str) -> Object:
        """What the API server would make of a live object if the field manager applied this."""
        return self._dry_run([object_], "apply", "--server-side", "--force-conflicts", "--field-manager", manager)[0]

    def _is_there(self, object_: Object) -> bool:
        found = self.get(object_["kind"], object_["metadata"]["name"])
        return found is not None and found["metadata"]["uid"] == object_["metadata"]["uid"]

    def _dry_run(self, objects: Sequence[Object], *command: str) -> tuple[Object, list[Object | None]]:
        where = ("metadata", "annotations", NUMBER)
        items = [with_value(each, where, str(number)) for number, each in enumerate(objects)]
        refusal = None
        try:
            # kubectl's own validation would refuse all for one.
            options = ("--dry-run=server", "--validate=false", "--output", "json", "--filename", "-")
            text = self._ask(*command, *options, stdin=_list(items))
        except KubectlError as error:
            text, refusal = error.output, error
        found = {int(get(each, where)): with_value(each, where, ABSENT) for each in documents(text)}
        if 0 not in found:
            raise refusal or AdoptionError(f"kubectl {command[0]} answers nothing")
        return found[0], [found.get(number) for number in range(1, len(objects))]

    def _ask(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.ask(*arguments, "--namespace", self.name, stdin=stdin)


def _list(items: Sequence[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def documents(text: str) -> Iterator[Any]:
    """The objects of kubectl's JSON: one after the other, or the items of a List."""
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
        yield from value["items"] if value["kind"] == "List" else [value]


def until(condition: Callable[[], Answer], what: str, seconds: float = SECONDS) -> Answer:
    """The condition's answer, once it is a good one. Raises `AdoptionError` if that takes longer."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AdoptionError(
                f"waited {seconds:.0f} s for {what}; run the same command again, it continues from here"
            )
        time.sleep(0.5)
    return answer


def is_selected(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether a Service with this selector sends connections to pods of these labels."""
    return bool(selector) and selector.items() <= labels.items()
