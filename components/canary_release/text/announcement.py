"""What an update will do to users, as plain text: in previews, updates and rehearsals."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..model.deployment import containers
from ..model.duration import duration
from ..model.image import ImageReference
from ..model.moment import minute
from ..model.release import Release, Track
from ..model.share import percentage
from ..model.tree import get
from ..update.effect import most_and_fewest, rolls
from ..update.former import is_known, unknown_content
from ..update.rules import Kind, kind
from ..update.soak import kept_since
from ..update.update import Update
from .differences import deployment_differences, listed, service_differences, template_differences


def announcement(update: Update) -> str:
    """A few lines of aligned text: what the update is, both tracks and the share before and after, pods at most
    and ready at least while it runs, and when the canary may be widened or promoted.
    """
    rows = [("", "before", "after"), *_figures(update)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    headline = f"{update.new.name} in {update.new.namespace}: {sentence(update)}"
    return "\n".join([headline, *table, *_soak(update), *(f"warning: {note}" for note in _notes(update))])


def sentence(update: Update) -> str:
    """What the update is: `widens the canary from 33.3 % to 50.0 %`."""
    text = "; ".join([_exposure(update), *contents(update)])
    return text if update.finished else f"{text}; repairs an update that did not finish"


def _exposure(update: Update) -> str:
    old, new = update.old, update.new
    before, after = _share(old), _share(new)
    was, now = old and old.canary, new.canary
    other = "" if old and old.stable.version != new.stable.version else " with other content"
    tried = " with other content" if now and now.version == new.stable.version else ""
    changed = f"from {_version(was)} to {_version(now)}" if _version(was) != _version(now) else f"{_version(now)}"
    declared = f"declares {_version(now)} as canary, without pods" if now else "removes the canary, which had no pods"
    return {
        Kind.FIRST_DEPLOY: f"deploys for the first time: {new.stable.version} in stable{_beside(new)}",
        Kind.START_CANARY: f"starts the canary {_version(now)}{tried} at {after}",
        Kind.WIDEN: f"widens the canary from {before} to {after}",
        Kind.NARROW: f"narrows the canary from {before} to {after}",
        Kind.STOP_CANARY: f"stops the canary, which had {before}",
        Kind.CHANGE_CANARY: f"changes the canary {changed} at {after}",
        Kind.SCALE_STABLE: f"scales stable from {old.stable.replicas if old else 0} to {new.stable.replicas}",
        Kind.PROMOTE: f"promotes {new.stable.version}{other}",
        Kind.ROLL_BACK: f"rolls back to {new.stable.version}{other}",
        Kind.MIXED: f"gives stable {new.stable.version}{other}, which no canary proved",
        Kind.NO_CHANGE: "changes no version and no share" if _version(was) == _version(now) else declared,
    }[Kind.MIXED if any(unknown_content(update)) else kind(old, new)]


def contents(update: Update) -> list[str]:
    """What changes beside versions and replicas, and what the canary tries besides its version."""
    old, new = update.old, update.new
    found: list[str] = []
    if new.canary and new.canary.replicas and (words := template_differences(new.stable, new.canary)):
        found.append(f"the canary differs from stable in {listed(words)}")
    if old:
        in_stable = [f"{word} in stable" for word in template_differences(old.stable, new.stable)]
        if words := [*in_stable, *deployment_differences(old, new), *service_differences(old, new)]:
            found.append(f"changes {listed(words)}")
    return found


def resumption(old: Mapping[str, Any] | None, new: Mapping[str, Any], container_name: str) -> str:
    """The change of a Deployment in an update that the guard did not see. `old` and `new` are its manifests."""
    before, after = _pods_of(old, container_name), _pods_of(new, container_name)
    what = f"{after} again" if before == after else f"{before} => {after}"
    name, namespace = (get(new, ("metadata", part), "unknown") for part in ("name", "namespace"))
    return (
        f"Deployment {name} in {namespace}: {what}; no rule is asked, as the engine passes over the release: "
        "this finishes an update, undoes a change by hand, follows a new version of the component, or comes from "
        "--target or --exclude"
    )


def _figures(update: Update) -> list[tuple[str, str, str]]:
    old, new = update.old, update.new
    most, fewest = most_and_fewest(old, new)
    return [
        ("stable", _pods(old and old.stable), _pods(new.stable)),
        ("canary", _pods(old and old.canary), _pods(new.canary)),
        ("canary's share", _share(old) if old else "none", _share(new)),
        ("pods meanwhile", f"at most {most}", f"at least {fewest} ready" if old else ""),
    ]


def _soak(update: Update) -> Iterator[str]:
    new = update.new
    if new.soak_seconds is not None and new.canary_replicas:
        since, soak = kept_since(update), new.soak_seconds
        when = f"once it has run for {duration(soak)}" if since is None else f"from {minute(since + soak)} on"
        yield f"the canary may be widened or promoted {when}"


def _notes(update: Update) -> list[str]:
    """The warnings, the most important first."""
    old, new = update.old, update.new
    notes: list[str] = []
    if not update.finished:
        notes.append("what ran before is not known: the last update did not finish, and `before` is what it wanted")
    if old and service_differences(old, new):
        notes.append("what changes of a Service reaches all users at once: no canary tries it")
    if old and kind(old, new) is Kind.ROLL_BACK:
        keeps = f"keeps {_share(new)} as canary" if new.canary_replicas else "stays declared as canary, without pods"
        notes.append(f"{old.stable.version} {keeps}{_unknown(update)}")
    if old and new.fixed_total and new.stable.replicas == 1 and rolls(old.stable, new.stable):
        notes.append("no stable pod is ready while stable rolls: it has one, and a fixed total adds none")
    if old and new.total_pods < old.total_pods:
        notes.append(f"the pods that serve fall from {old.total_pods} to {new.total_pods}")
    return notes


def _unknown(update: Update) -> str:
    # The state holds only the last update.
    return "" if is_known(update) else f"; the state does not know whether {update.new.stable.version} ran in stable"


def _share(release: Release | None) -> str:
    return percentage(release.canary_share if release else 0.0)


def _beside(release: Release) -> str:
    return f", {release.canary_version} as canary at {_share(release)}" if release.canary_replicas else ""


def _version(track: Track | None) -> str:
    return track.version if track else "none"


def _pods(track: Track | None) -> str:
    return f"{track.version} x {track.replicas}" if track else "none"


def _pods_of(manifest: Mapping[str, Any] | None, container_name: str) -> str:
    if not manifest:
        return "none"
    try:
        image = next(each["image"] for _, each in containers(dict(manifest)) if each["name"] == container_name)
        version, replicas = ImageReference.parse(image).version, int(manifest["spec"]["replicas"])
    except (LookupError, TypeError, ValueError, StopIteration):
        return "unknown"  # A program's transforms may have changed it. A message must not end the update.
    return f"{version} x {replicas}"
