"""What a release of the component promises: `python -m tests.unit.model.contract` writes it on every release."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from canary_release.model.contract import BOUNDS, DEFAULTS
from canary_release.text.spelling import camel

COMPONENTS = Path(__file__).parents[3] / "components"
RELEASED = Path(__file__).parent / "released_contract.json"

Contract = dict[str, Any]


def contract() -> Contract:
    """Arguments with type, default and bounds, and outputs with their type, as they are now."""
    schema = json.loads((COMPONENTS / "canary_release" / "schema.json").read_text())
    component = schema["resources"]["canary-release:index:CanaryRelease"]
    return {
        "arguments": {name: kind(each) for name, each in component["inputProperties"].items()},
        "required": component["requiredInputs"],
        "defaults": {camel(name): value for name, value in DEFAULTS.items()},
        "bounds": {camel(name): list(bounds) for name, bounds in BOUNDS.items()},
        "outputs": {name: kind(each) for name, each in component["properties"].items()},
    }


def kind(property_: dict[str, Any]) -> str:
    """The type of an argument or output; anything at all is a reference to Pulumi's own type."""
    return property_.get("type") or property_["$ref"]


def breaks(old: Contract, new: Contract) -> Iterator[tuple[str, str]]:
    """Argument or output, and how it breaks a program that was written for the old contract."""
    for part in ("arguments", "outputs"):
        for name, before in old[part].items():
            if name not in new[part]:
                yield name, "is gone"
            elif new[part][name] != before:
                yield name, f"was {before} and is {new[part][name]}"
    for name in sorted({*new["required"]} - {*old["required"]}):
        yield name, "is required now"
    for name in old["arguments"]:
        if new["defaults"].get(name) != old["defaults"].get(name):
            yield name, "has another default"
        if name in new["bounds"]:
            low, high = old["bounds"].get(name, (float("-inf"), float("inf")))
            if new["bounds"][name][0] > low or new["bounds"][name][1] < high:
                yield name, "has tighter bounds"


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(contract(), indent=2, sort_keys=True) + "\n")
