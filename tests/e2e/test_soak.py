"""A canary is widened when it has run for its soak, by the state of a real engine."""

from typing import Any

import pytest
from project import Stack

COMPONENT = "canary-release:index:CanaryRelease"


def since(stack: Stack) -> Any:
    """Since when the canary runs, as the state has it."""
    [component] = (each for each in stack.exported()["resources"] if each["type"] == COMPONENT)
    return component["outputs"].get("canarySince")


@pytest.fixture
def soaking(fresh_stack: Stack) -> Stack:
    fresh_stack.configure(soak="10h")
    fresh_stack.up()
    return fresh_stack


def test_the_time_of_a_canary_stays_until_its_content_changes(soaking: Stack):
    began = since(soaking)
    assert began
    assert soaking.planned() == {"same": 5}
    assert soaking.up().text.count("updated") == 0
    assert since(soaking) == began

    soaking.configure(canaryReplicas=2)
    refused = soaking.failing_up()
    assert "the canary must run for 10h before it is widened or promoted: allowed from 2" in refused.text
    assert since(soaking) == began

    soaking.configure(canaryReplicas=1, soak="1s")
    assert "the canary may be widened or promoted from 2" in soaking.up().text
    soaking.configure(canaryReplicas=2)
    soaking.up()
    assert since(soaking) == began

    soaking.configure(canaryVersion="v0.3")
    assert "the canary may be widened or promoted once it has run for 1s" in soaking.good("pulumi", "preview").text
    soaking.up()
    assert since(soaking) > began
    soaking.configure(canaryReplicas=0)
    soaking.up()
    assert since(soaking) is None
