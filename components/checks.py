"""Everything that can be wrong with the arguments of one release, found without Pulumi and without a cluster."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from typing_extensions import get_type_hints

from .args import BOUNDS, DEFAULTS, CanaryReleaseArgs
from .exposure import canary_share, fewest_stable_replicas, most_canary_replicas, percentage, within_share
from .manifest_fields import container_problems, pod_problems
from .problems import MISSING, REMOVE, Fix, Problem, did_you_mean, nearest
from .release import present

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HOST_PART = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
PATH_PART = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"({HOST_PART}(\.{HOST_PART})*(:[0-9]+)?/)?{PATH_PART}(/{PATH_PART})*")
TYPES: dict[str, type] = {
    name: getattr(hint, "__origin__", None) or hint for name, hint in get_type_hints(CanaryReleaseArgs).items()
}
WORDS = {str: "text", int: "a whole number", bool: "true or false", dict: "an object of Kubernetes fields"}
COUNTS = {"stable_replicas", "canary_replicas", "max_canary_share", "fixed_total"}
SERVICE_TYPES = ("NodePort", "none")
EXAMPLES = {"app": "myapp", "image": "registry.example.com/team/app", "stable_version": "v1.0.0"}

Values = Mapping[str, Any]


def problems(args: Values, other_keys: Collection[str] = ()) -> list[Problem]:
    """All problems of the arguments, by name; empty for a release that can be declared.

    `other_keys` are known to the program, so that a misspelt one may be meant as one of them.
    """
    values = present(args)
    unknown, wrong = list(_unknown(values, (*TYPES, *other_keys))), list(_wrong_types(values))
    unusable = [*unknown, *wrong]
    bad = {problem.path for problem in unusable}
    misspelt = {path for problem in unknown for path, _ in problem.fix}
    usable = {**DEFAULTS, **{name: value for name, value in values.items() if name not in bad}}
    found = [
        *unusable,
        *_missing(values, misspelt),
        *_bounds(usable),
        *_names(usable),
        *_image(usable),
        *_versions(usable, "canary_version" in bad | misspelt),
    ]
    found += [*_service(usable), *_readiness(usable), *container_problems(usable), *pod_problems(usable)]
    # A share or total of replicas that are out of bounds says nothing.
    if not {problem.path for problem in found} & COUNTS:
        found += _exposure(usable)
    return found


def _unknown(values: Values, known: Collection[str]) -> Iterator[Problem]:
    for name, value in values.items():
        if name not in TYPES:
            meant = nearest(name, known)
            fix: list[tuple[str, Any]] = [(name, REMOVE)]
            # Stack config holds the default of every key that is not set.
            if meant and values.get(meant) in (None, DEFAULTS.get(meant)):
                fix.append((meant, value))
            yield Problem(name, value, f"is not a key of a release{did_you_mean(meant and f'{{{meant}}}')}", fix)


def _wrong_types(values: Values) -> Iterator[Problem]:
    for name, wanted in TYPES.items():
        value = values.get(name)
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool) is not (wanted is bool)):
            meant = DEFAULTS.get(name, EXAMPLES.get(name, REMOVE))
            if wanted is int and isinstance(value, str) and value.isdecimal() and len(value) < 10:
                meant = int(value)
            elif name.endswith("_version"):
                meant = "<tag>"  # What YAML made of it is not what was written.
            elif wanted is str and type(value) in (int, date):
                meant = str(value)
            quoted = wanted is str and isinstance(value, int | float | date) and not isinstance(value, datetime)
            quote = " (quote it)" if quoted else ""
            itself = " itself, not an output: it is checked before anything is made" if hasattr(value, "apply") else ""
            yield Problem(name, value, f"must be {WORDS[wanted]}{quote}{itself}", [(name, meant)])


def _missing(values: Values, misspelt: set[str]) -> Iterator[Problem]:
    for name in sorted(CanaryReleaseArgs.__required_keys__):
        if values.get(name) is None and name not in misspelt:
            yield Problem(name, MISSING, f"is required, for example {EXAMPLES[name]}", [(name, EXAMPLES[name])])


def _bounds(values: Values) -> Iterator[Problem]:
    for name, (low, high) in BOUNDS.items():
        value = values.get(name)
        if value is not None and not low <= value <= high:
            accepted = f"must be a whole number from {low} to {high}"
            # Stack config says 0 for what is not set, so that is what it is meant for elsewhere.
            meant = REMOVE if value == 0 and name not in DEFAULTS else low if value < low else high
            yield Problem(name, value, accepted, [(name, meant)])


def _names(values: Values) -> Iterator[Problem]:
    name, app = values["name"], values.get("app")
    yield from _name(
        "name", name, DNS_LABEL, 63 - len("-canary"), " (the canary's Deployment is called <{name}>-canary)"
    )
    yield from _name("namespace", values["namespace"], DNS_LABEL, 63)
    if "container_name" in values:
        yield from _name("container_name", values["container_name"], DNS_LABEL, 63)
    if "service_name" in values:
        yield from _name("service_name", values["service_name"], SERVICE_NAME, 63)
    if app is not None and ("service_name" in values or values["service_type"] == "none"):
        yield from _name("app", app, DNS_LABEL, 63)
    elif app is not None:
        because = " (the Service is called <{app}>-svc unless {service_name} is set)"
        yield from _name("app", app, SERVICE_NAME, 63 - len("-svc"), because)


def _name(argument: str, value: str, pattern: re.Pattern[str], longest: int, because: str = "") -> Iterator[Problem]:
    if pattern.fullmatch(value) and len(value) <= longest:
        return
    start = ", starting with a letter" if pattern is SERVICE_NAME else ""
    accepted = f"must be a DNS label of at most {longest} characters: a-z, 0-9 and - inside{start}{because}"
    proposal = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")
    if not pattern.fullmatch(proposal):
        proposal = f"app-{proposal}"
    yield Problem(argument, value, accepted, [(argument, proposal[:longest].strip("-"))])


def _image(values: Values) -> Iterator[Problem]:
    image = values.get("image")
    if image is None or REPOSITORY.fullmatch(image):
        return
    repository, *rest = re.split(r":(?=[^/]*$)", image.partition("@")[0], maxsplit=1)
    if repository != image and REPOSITORY.fullmatch(repository):
        accepted = "must be a repository without tag or digest; what follows it belongs into {stable_version}"
        fix = [("image", repository)]
        version = image.partition("@")[2] or "".join(rest)
        # A version that is set already is what runs: the fix of the image must not change it.
        if values.get("stable_version") is None and (TAG.fullmatch(version) or DIGEST.fullmatch(version)):
            fix.append(("stable_version", version))
        yield Problem("image", image, accepted, fix)
    else:
        accepted = "must be an image repository such as registry.example.com/team/app: lower case, no spaces"
        meant = image.partition("://")[2]
        yield Problem("image", image, accepted, [("image", meant if REPOSITORY.fullmatch(meant) else "<repository>")])


def _versions(values: Values, canary_is_told: bool) -> Iterator[Problem]:
    for name in ("stable_version", "canary_version"):
        if (version := values.get(name)) is not None:
            yield from _version(name, version)
    canary, replicas = values.get("canary_version"), values["canary_replicas"]
    if canary is None and replicas > 0 and not canary_is_told:
        accepted = "must be 0 without {canary_version}: there is no version to run"
        yield Problem("canary_replicas", replicas, accepted, [("canary_replicas", 0)])
    elif canary is not None and canary == values.get("stable_version") and replicas > 0:
        accepted = "must differ from {stable_version} while {canary_replicas} is above 0: both would run the same"
        yield Problem("canary_version", canary, accepted, [("canary_replicas", 0)])


def _version(name: str, version: str) -> Iterator[Problem]:
    if version == "latest":
        yield Problem(
            name,
            version,
            "must be a version that never moves: what `latest` runs is known only after the fact",
            [(name, "v1.0.0")],
        )
    elif version.startswith("sha256:"):
        if not DIGEST.fullmatch(version):
            accepted = "must be sha256: followed by 64 characters of 0-9 and a-f"
            yield Problem(name, version, accepted, [(name, "sha256:<64 characters>")])
    elif not TAG.fullmatch(version):
        repository, _, tag = version.strip().rpartition(":")
        accepted = (
            "must be a tag alone (letters, digits, . _ -) or a sha256:… digest; the repository belongs into {image}"
        )
        known = not repository or REPOSITORY.fullmatch(repository)
        yield Problem(name, version, accepted, [(name, tag if TAG.fullmatch(tag) and known else "<tag>")])


def _readiness(values: Values) -> Iterator[Problem]:
    path = values.get("readiness_path")
    if path is not None and not re.fullmatch(r"/\S*", path):
        proposal = "/" + re.sub(r"\s", "", path).lstrip("/")
        accepted = "must be a path that starts with / and has no spaces"
        yield Problem("readiness_path", path, accepted, [("readiness_path", proposal)])


def _exposure(values: Values) -> Iterator[Problem]:
    stable, canary, limit = values["stable_replicas"], values["canary_replicas"], values["max_canary_share"]
    total = values.get("fixed_total")
    if total is not None and stable + canary != total:
        yield _wrong_total(stable, canary, total, limit * total // 100)
        return
    if within_share(stable, canary, limit):
        return
    share, most = percentage(canary_share(stable, canary)), most_canary_replicas(stable, limit)
    accepted = f"gives the canary {share} of the pods; {{max_canary_share}} allows {limit} %, "
    if total is not None:
        most = limit * total // 100
        accepted += f"which is at most {most} of the {total} of {{fixed_total}}"
        yield Problem(
            "canary_replicas", canary, accepted, [("canary_replicas", most), ("stable_replicas", total - most)]
        )
    elif most:
        accepted += f"which is at most {most} beside {stable} stable"
        yield Problem("canary_replicas", canary, accepted, [("canary_replicas", most)])
    else:
        needed = fewest_stable_replicas(canary, limit)
        accepted += f"which takes {{stable_replicas}} of at least {needed}"
        fix: Fix = [("stable_replicas", needed)]
        if needed > (highest := BOUNDS["stable_replicas"][1]):
            fix = [("stable_replicas", highest), ("canary_replicas", most_canary_replicas(highest, limit))]
        yield Problem("canary_replicas", canary, accepted, fix)


def _wrong_total(stable: int, canary: int, total: int, most: int) -> Problem:
    difference = stable + canary - total
    count = f"{abs(difference)} replica{'' if abs(difference) == 1 else 's'}"
    count += " too many" if difference > 0 else " missing"
    accepted = f"must be {{stable_replicas}} and {{canary_replicas}} together, which are {stable} + {canary}: {count}"
    accepted += "; or set "
    if canary and 0 < total - stable <= most:
        accepted += f"{{canary_replicas}} to {total - stable} or "
    accepted += f"{{fixed_total}} to {stable + canary}"
    fix = [("stable_replicas", total - min(canary, most))]
    if canary > most:
        fix.append(("canary_replicas", most))
    return Problem("fixed_total", total, accepted, fix)


def _service(values: Values) -> Iterator[Problem]:
    kind = values["service_type"]
    if kind not in SERVICE_TYPES:
        meant = nearest(kind, SERVICE_TYPES)
        accepted = f"must be {' or '.join(SERVICE_TYPES)}{did_you_mean(meant)}"
        yield Problem("service_type", kind, accepted, [("service_type", meant or "NodePort")])
    if kind == "none":
        for name in ("service_name", "service_port", "node_port"):
            if (value := values.get(name)) is not None:
                accepted = "must not be set where {service_type} is none: there is no Service"
                yield Problem(name, value, accepted, [(name, REMOVE)])
