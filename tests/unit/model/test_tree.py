"""Values of JSON are read, changed and compared by paths."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_release.model.tree import (
    ABSENT,
    Change,
    changes,
    get,
    same,
    whole_numbers,
    with_value,
    without_nulls,
)

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "1"])
TREES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3)
)
PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)


def test_the_innermost_values_that_differ_are_changes():
    old = {"a": 1, "b": {"c": [1, 2]}, "d": {}}
    new = {"a": 1, "b": {"c": [1, 3, 4]}, "e": None}
    assert changes(old, new) == [
        Change(("b", "c", 1), 2, 3),
        Change(("b", "c", 2), ABSENT, 4),
        Change(("d",), {}, ABSENT),
        Change(("e",), ABSENT, None),
    ]


@given(old=TREES, new=TREES)
def test_values_without_changes_are_the_same(old: Any, new: Any):
    assert same(old, new) is not bool(changes(old, new))
    assert changes(old, old) == []


@given(old=st.dictionaries(st.sampled_from("abc"), TREES), new=st.dictionaries(st.sampled_from("abc"), TREES))
def test_all_changes_together_lead_from_old_to_new(old: Any, new: Any):
    # From the end: an item that goes moves those behind it.
    for change in reversed(changes(old, new)):
        if change.old is not ABSENT:
            old = with_value(old, change.path, change.new)
    for change in changes(old, new):
        old = with_value(old, change.path, change.new)
    assert same(old, new)


def test_one_is_not_true():
    assert changes({"a": 1}, {"a": True}) == [Change(("a",), 1, True)]


@given(tree=st.dictionaries(st.sampled_from("abc"), TREES), path=PATHS, value=TREES)
def test_a_value_that_is_set_is_there_and_the_tree_stays(tree: Any, path: tuple[str, ...], value: Any):
    before = repr(tree)
    assert get(with_value(tree, path, value), path) == value
    assert get(with_value(tree, path, ABSENT), path) is ABSENT
    assert repr(tree) == before


def test_what_leads_nowhere_is_absent_or_the_default():
    tree = {"a": [{"b": None}]}
    assert get(tree, ("a", 0, "b")) is None
    assert get(tree, ("a", 1)) is get(tree, ("a", "0")) is get(tree, ("a", -1)) is get(tree, ("c",)) is ABSENT
    assert get(tree, ("c", "d"), {}) == {}


@pytest.mark.parametrize(
    ("given_", "whole"),
    [
        ({"a": [1.0, {"b": 2.5}]}, {"a": [1, {"b": 2.5}]}),
        (float("inf"), float("inf")),
        ({1: True}, {"1": True}),
        (-0.0, 0),
    ],
)
def test_whole_floats_are_whole_numbers(given_: Any, whole: Any):
    assert whole_numbers(given_) == whole
    assert repr(whole_numbers(given_)) == repr(whole)


def test_members_that_are_null_are_dropped_as_the_api_server_does():
    assert without_nulls({"a": None, "b": [{"c": None, "d": 1}, None], "e": {}}) == {"b": [{"d": 1}, None], "e": {}}
