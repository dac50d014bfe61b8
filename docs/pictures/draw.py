"""Draws the README's pictures from the real model: `.venv/bin/python -m docs.pictures.draw` writes them anew."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from canary_release.model.objects import manifests
from canary_release.model.parsing import Parsed, parse
from canary_release.model.release import Release
from canary_release.model.share import percentage
from canary_release.text.spelling import camel
from canary_release.update.rules import broken_rules, kind

FOLDER = Path(__file__).parent
MANIFEST = FOLDER.parents[1] / "app.yaml"
FIRST = {"stable_version": "v0.1", "stable_replicas": 2}
STEPS: Sequence[dict[str, Any]] = (
    {"canary_version": "v0.2", "canary_replicas": 1},
    {"canary_replicas": 2},
    {"stable_version": "v0.2", "canary_replicas": 0},
)
"""What the stack file sets over time, update by update."""
COLOURS = {"v0.1": "#2f6db3", "v0.2": "#c2570c"}
"""One for each version."""
STYLE = (
    "text{font-family:system-ui,sans-serif;font-size:14px;fill:#1f2328}"
    ".small{font-size:12px;fill:#57606a}.name{font-weight:600}.key{font-family:monospace;font-size:12px}"
    ".pod{fill:#fff;font-size:12px;text-anchor:middle}.middle{text-anchor:middle}"
)


def pictures() -> dict[str, str]:
    """Each picture by the name of its file."""
    return {"objects.svg": objects(_release({**FIRST, **STEPS[0]})), "release.svg": over_time()}


def objects(release: Release) -> str:
    """The Service and the two Deployments behind it, with what each says of itself."""
    found = manifests(release)
    (service,) = (each for (kind, _), each in found.items() if kind == "Service")
    assert release.canary
    stable = release.name, release.stable, 100 - release.canary_share
    canary = release.canary_name, release.canary, release.canary_share
    parts = [
        _text(20, 152, "new connections"),
        _arrow(148, 147, 178, 147),
        _box(180, 85, 220, 124),
        _text(196, 112, "Service"),
        _text(196, 134, service["metadata"]["name"], "name"),
        _text(196, 160, f"node port {service['spec']['ports'][0]['nodePort']}", "small"),
        _text(196, 184, f"selects {_labels(service['spec']['selector'])}", "key"),
    ]
    for (name, track, share), top, label in ((stable, 20, 92), (canary, 164, 216)):
        deployment = found["Deployment", name]
        parts += [
            _arrow(400, 147, 498, top + 56),
            _text(440, label, percentage(share), "middle"),
            _box(500, top, 320, 112),
            f'<text x="516" y="{top + 26}">Deployment <tspan class="name">{name}</tspan></text>',
            _text(516, top + 50, _labels(deployment["spec"]["selector"]["matchLabels"]), "key"),
            *_pods(516, top + 64, track.version, deployment["spec"]["replicas"]),
        ]
    told = "One Service selects the pods of two Deployments: the share of pods is the share of new connections."
    return _picture(840, 296, told, parts)


def over_time() -> str:
    """A canary from its start to its promotion: what each update sets, does and leaves."""
    parts: list[str] = [_text(20, 76, "stack file"), _text(20, 146, "stable"), _text(20, 196, "canary")]
    parts.append(_text(20, 246, "canary's share"))
    args, old = dict(FIRST), None
    for number, step in enumerate(({}, *STEPS)):
        args |= step
        new = _release(args)
        assert not (old and broken_rules(old, new)), "the picture shows an update that is refused"
        left = 135 + number * 190
        title = kind(old, new).name.lower().replace("_", " ")
        parts += [_box(left, 14, 176, 246), _text(left + 88, 38, title, "middle name")]
        changed = step or FIRST
        lines = [f"{camel(key)}: {value}" for key, value in changed.items()]
        parts += [_text(left + 14, 66 + 18 * line, text, "key") for line, text in enumerate(lines)]
        parts += _pods(left + 14, 124, new.stable.version, new.stable.replicas)
        if new.canary:
            parts += _pods(left + 14, 174, new.canary.version, new.canary.replicas)
        parts.append(_text(left + 14, 246, percentage(new.canary_share)))
        old = new
    return _picture(890, 274, "A canary from its start to its promotion: each update changes one or two lines.", parts)


def _release(args: dict[str, Any]) -> Release:
    parsed = parse({"manifest": str(MANIFEST), **args})
    assert isinstance(parsed, Parsed), parsed
    return parsed.release


def _picture(width: int, height: int, told: str, parts: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    marker = '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    marker += '<path d="M0 0L8 4L0 8z" fill="#57606a"/></marker>'
    ground = f'<rect width="{width}" height="{height}" rx="8" fill="#fff"/>'
    defined = f"<title>{escape(told)}</title>\n<defs><style>{STYLE}</style>{marker}</defs>"
    return "\n".join([head, defined, ground, *parts, "</svg>", ""])


def _text(x: int, y: int, text: str, classes: str = "") -> str:
    attribute = f' class="{classes}"' if classes else ""
    return f'<text x="{x}" y="{y}"{attribute}>{escape(text)}</text>'


def _box(x: int, y: int, width: int, height: int) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="#f6f8fa" stroke="#d0d7de"/>'


def _arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    return f'<path d="M{x} {y}L{to_x} {to_y}" stroke="#57606a" fill="none" marker-end="url(#head)"/>'


def _pods(x: int, y: int, version: str, number: int) -> list[str]:
    parts: list[str] = []
    for left in range(x, x + 52 * number, 52):
        parts.append(f'<rect x="{left}" y="{y}" width="46" height="34" rx="5" fill="{COLOURS[version]}"/>')
        parts.append(_text(left + 23, y + 22, version, "pod"))
    return parts or [_text(x, y + 22, "no pod", "small")]


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in labels.items())


if __name__ == "__main__":
    for name, text in pictures().items():
        (FOLDER / name).write_text(text)
