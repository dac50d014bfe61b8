"""The engine's document as Markdown for GitHub: the comment on a pull request, and the report of drift."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .engine import Document, said

LIMIT = 64_000
"""Characters of a text; GitHub refuses more than 65,536."""
FOLDED = "What changes"
UNCHANGED = {"same", "refresh"}
PARTS_OF_REPLACE = {"create-replacement", "delete-replaced"}
"""Steps that the engine lists beside the `replace` that they belong to."""
KEYS = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]"]+)')
"""The parts of a property path such as `spec.containers[0].env["a.b"]`."""


def comment(stack: str, document: Document) -> str:
    """What the update of the stack will do: exposure first, then what went wrong, the properties folded."""
    steps, errors, warnings = _changes(document), said(document, "error"), said(document, "warning")
    warnings += [f"replaces {_name(step)}: deletes it and makes another" for step in steps if step["op"] == "replace"]
    headline = "the preview failed" if errors else _summary(document) if steps else "no changes"
    blocks = [
        ("", "text", said(document, "info")),
        ("The update is refused or cannot run:", "text", errors),
        ("Warnings:", "text", warnings),
        (FOLDED, "diff", _difference(steps)),
    ]
    return "\n\n".join([f"### {stack}: {headline}", *_fitted(blocks)]) + "\n"


def drift(stack: str, document: Document) -> str:
    """What of the stack is not as its last update left it; empty if all is."""
    steps, errors, warnings = _changes(document), said(document, "error"), said(document, "warning")
    if not (steps or errors or warnings):
        return ""
    differ = f"{len(steps)} of its resources changed outside of Pulumi" if steps else "not healthy"
    blocks = [
        ("Its last update left what `-` shows, the cluster has what `+` shows:", "diff", _difference(steps)),
        ("The check failed:", "text", errors),
        ("Warnings:", "text", warnings),
    ]
    way = f"`pulumi up --refresh --stack {stack}` brings back what the stack declares."
    return "\n\n".join([f"### {stack}: {'not checked' if errors else differ}", *_fitted(blocks), way]) + "\n"


def _changes(document: Document) -> list[dict[str, Any]]:
    return [step for step in document.get("steps", []) if step["op"] not in UNCHANGED | PARTS_OF_REPLACE]


def _summary(document: Document) -> str:
    counts = dict(document.get("changeSummary", {}))
    unchanged = [f"{counts.pop('same')} unchanged"] if "same" in counts else []
    return ", ".join([*(f"{count} to {op}" for op, count in counts.items()), *unchanged])


def _name(step: dict[str, Any]) -> str:
    kind, name = step["urn"].split("::")[-2:]
    return f"{kind.rpartition('$')[2]} {name}"


def _difference(steps: Iterable[dict[str, Any]]) -> list[str]:
    return ["\n".join([f"@@ {step['op']} {_name(step)} @@", *_properties(step)]) for step in steps]


def _properties(step: dict[str, Any]) -> Iterator[str]:
    old, new = step.get("oldState"), step.get("newState")
    if not old or not new:
        return
    before, after = old.get("inputs", {}), new.get("inputs", {})
    # A component has no provider that would tell its differences.
    paths = step.get("detailedDiff") or [key for key in {**before, **after} if before.get(key) != after.get(key)]
    for path in paths:
        for sign, state in (("-", old), ("+", new)):
            if (value := _value(state, path)) is not None:
                yield f"{sign}{path}: {json.dumps(value, ensure_ascii=False)}"


def _value(state: dict[str, Any], path: str) -> Any:
    """The value at a property path; None if there is none. Values that are secret come from the engine masked."""
    for part in ("inputs", "outputs"):
        found: Any = state.get(part)
        try:
            for quoted, index, name in KEYS.findall(path):
                found = found[int(index) if index else quoted.replace('\\"', '"') or name]
        except (KeyError, IndexError, TypeError):
            continue
        if found is not None:
            return found
    return None


def _fitted(blocks: Iterable[tuple[str, str, list[str]]]) -> Iterator[str]:
    """The blocks as Markdown, within the limit together: the first come whole, what has no room is cut."""
    room = LIMIT - 1_000
    for title, language, texts in blocks:
        if not texts:
            continue
        text = cut("\n\n".join(texts), room)
        room = max(0, room - len(text) - 200)
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
        block = f"{fence}{language}\n{text}\n{fence}"
        if title == FOLDED:
            yield f"<details><summary>{title}</summary>\n\n{block}\n\n</details>"
        else:
            yield f"{title}\n\n{block}".lstrip()


def cut(text: str, room: int) -> str:
    """The text, or its beginning and how much is missing."""
    if len(text) <= room:
        return text
    kept = text[:room].rpartition("\n")[0] or text[:room]
    return f"{kept}\n… and {len(text) - len(kept)} more characters"
