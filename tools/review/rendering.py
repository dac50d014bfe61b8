"""The engine's document as Markdown for GitHub: the comment on a pull request, and the report of drift."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .engine import Document, said
from .tree import number_at, object_at, objects_at, text_at

LIMIT = 64_000
"""Characters of a text, which has its marker besides; GitHub refuses more than 65,536."""
FOLDED = "What changes"
UNCHANGED = {"same", "refresh"}
PARTS_OF_REPLACE = {"create-replacement", "delete-replaced"}
"""Steps that the engine lists beside the `replace` that they belong to."""
KEYS = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]"]+)')
"""The parts of a property path such as `spec.containers[0].env["a.b"]`."""


def comment(stack: str, document: Document) -> str:
    """What the update of the stack will do: exposure first, then what went wrong, the properties folded."""
    steps, errors, warnings = _changes(document), said(document, "error"), said(document, "warning")
    warnings += [f"replaces {_name(step)}: deletes it and makes another" for step in steps if _op(step) == "replace"]
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


def _changes(document: Document) -> list[Document]:
    return [step for step in objects_at(document, "steps") if _op(step) not in UNCHANGED | PARTS_OF_REPLACE]


def _op(step: Document) -> str:
    return text_at(step, "op") or "unknown"


def _summary(document: Document) -> str:
    summary = object_at(document, "changeSummary")
    counts = {op: number_at(summary, op) for op in summary if op not in UNCHANGED}
    unchanged = [f"{count} unchanged"] if (count := number_at(summary, "same")) else []
    return ", ".join([*(f"{count} to {op}" for op, count in counts.items()), *unchanged]) or "changes"


def _name(step: Document) -> str:
    *_, kind, name = ["", "", *text_at(step, "urn").split("::")]
    return f"{kind.rpartition('$')[2]} {name}".strip() or "a resource without a name"


def _difference(steps: Iterable[Document]) -> list[str]:
    return ["\n".join([f"@@ {_op(step)} {_name(step)} @@", *_properties(step)]) for step in steps]


def _properties(step: Document) -> Iterator[str]:
    old, new = object_at(step, "oldState"), object_at(step, "newState")
    if not old or not new:
        return
    before, after = object_at(old, "inputs"), object_at(new, "inputs")
    # A component has no provider that would tell its differences.
    differing = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    paths = object_at(step, "detailedDiff") or differing
    for path in paths:
        for sign, state in (("-", old), ("+", new)):
            if (value := _value(state, path)) is not None:
                yield f"{sign}{path}: {json.dumps(value, ensure_ascii=False)}"


def _value(state: Document, path: str) -> Any:
    """The value at a property path; None if there is none. Values that are secret come from the engine masked."""
    for part in ("inputs", "outputs"):
        found: Any = state.get(part)
        try:
            for quoted, index, name in KEYS.findall(path):
                found = found[int(index) if index else quoted.replace('\\"', '"') or name]
        except (KeyError, IndexError, TypeError, ValueError):
            continue
        if found is not None:
            return found
    return None


def _fitted(blocks: Iterable[tuple[str, str, list[str]]]) -> Iterator[str]:
    """The blocks as Markdown, within the limit together. The first blocks come whole; a later one may be cut."""
    room = LIMIT - 2_000
    for title, language, texts in blocks:
        if not texts:
            continue
        # A fence is longer than any run of its character in the text, and stands there twice.
        text = cut(re.sub("`{100,}", "`" * 100, "\n\n".join(texts)), room)
        room = max(0, room - len(text) - 400)
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
    kept = text[: max(0, room)]
    kept = kept.rpartition("\n")[0] or kept
    return f"{kept}\n… and {len(text) - len(kept)} more characters"
