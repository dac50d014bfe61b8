"""Strategic merge patches, as `kubectl patch --type strategic` applies them, and the patch that leads from old to new.

A patch is one that `fields.field_problems` has nothing against, and no target holds nulls.
"""

from collections.abc import Hashable, Iterator
from typing import Any, cast

from .fields import merged_lists, type_below
from .tree import Object, same

Places = dict[Hashable, int]


def merged(kind: str, target: Object, patch: Object) -> Object:
    """The target, a Deployment or Service, with the patch over it. The target itself stays."""
    return _object(kind, target, patch)


def difference(kind: str, old: Object, new: Object) -> Object:
    """A small patch that makes the old object the new: `merged(kind, old, patch) == new`; empty if equal."""
    patch = _object_patch(kind, old, new)
    return _replacement(new) if patch is None else patch


def _object(type_: str, target: Object, patch: Object) -> Object:
    if "$patch" in patch:
        return _members(patch) if patch["$patch"] == "replace" else {}
    result = dict(target)
    for name, value in patch.items():
        below = result.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            result[name] = _object(type_below(type_, name), cast(Object, below), cast(Object, value))
        elif isinstance(below, list) and isinstance(value, list) and name in merged_lists(type_):
            item_type, key = type_below(type_below(type_, name), 0), merged_lists(type_)[name]
            result[name] = _list(item_type, key, cast(list[Any], below), cast(list[Any], value))
        elif (content := _content(value)) is not None:
            result[name] = content
        else:
            result.pop(name, None)
    return result


def _content(value: Any) -> Any:
    """What a patch sets where there is nothing to merge it with; None for nothing."""
    if isinstance(value, dict):
        fields = cast(Object, value)
        return None if "$patch" in fields else _members(fields)
    if isinstance(value, list):
        contents = (_content(item) for item in cast(list[Any], value))
        return [content for content in contents if content is not None]
    return value


def _members(patch: Object) -> Object:
    contents = {name: _content(value) for name, value in patch.items() if name != "$patch"}
    return {name: content for name, content in contents.items() if content is not None}


def _list(type_: str, key: str | None, target: list[Any], patch: list[Any]) -> list[Any]:
    directives = [item for item in patch if key and "$patch" in item]
    given = [item for item in patch if item not in directives]
    if {"$patch": "replace"} in directives:
        target, given = [_content(item) for item in given], []
    deleted = [_identity(key, item) for item in directives]
    target = [item for item in target if _identity(key, item) not in deleted]
    result = list(target)
    for item in given:
        found = _places(key, result).get(_identity(key, item))
        if found is None:
            result.append(_content(item))
        elif key:
            result[found] = _object(type_, result[found], item)
    return _ordered(key, result, _places(key, given), _places(key, target))


def _ordered(key: str | None, items: list[Any], given: Places, target: Places) -> list[Any]:
    """Items that the patch gives stand in its order, the others in the target's, and both as the target has them where
    it tells: a new item stands before the first that the patch does not give.
    """
    first = sorted((item for item in items if _identity(key, item) in given), key=lambda i: given[_identity(key, i)])
    others = sorted(
        (item for item in items if _identity(key, item) not in given), key=lambda i: target[_identity(key, i)]
    )
    result: list[Any] = []
    while first and others:
        place = target.get(_identity(key, first[0]), -1)
        result.append((others if target[_identity(key, others[0])] < place else first).pop(0))
    return [*result, *first, *others]


def _identity(key: str | None, item: Any) -> Hashable:
    """What an item is found by: its merge key, or the text that it is."""
    return item.get(key) if key else item


def _places(key: str | None, items: list[Any]) -> Places:
    """The first place of each item in a list."""
    return {_identity(key, item): place for place, item in reversed(list(enumerate(items)))}


def _replacement(new: Object) -> Object:
    return {"$patch": "replace", **new}


def _object_patch(type_: str, old: Object, new: Object) -> Object | None:
    """None if no patch leads from old to new but a replacement of the whole object."""
    patch: Object = {}
    for name in {**old, **new}:
        before, after = old.get(name), new.get(name)
        if same(before, after):
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            target = cast(Object, after)
            below = _object_patch(type_below(type_, name), cast(Object, before), target)
            patch[name] = _replacement(target) if below is None else below
        elif isinstance(before, list) and isinstance(after, list) and name in merged_lists(type_):
            found = next(
                (each for each in _list_patches(type_, name, old, new) if _leads(type_, each, old, new, name)), None
            )
            if found is None:
                return None
            patch |= found
        else:
            patch[name] = after
    return patch


def _list_patches(type_: str, name: str, old: Object, new: Object) -> Iterator[Object]:
    """Patches of a merged list, the smallest first: with the items that differ, with all items in their order, with a
    replacement of the list. Not each of them leads to the new list.
    """
    before, after, key = old[name], new[name], merged_lists(type_)[name]
    if key is None or not all(key in item for item in [*before, *after]):
        return
    item_type, places, kept = type_below(type_below(type_, name), 0), _places(key, before), _places(key, after)
    nothing: Object = {}
    old_items = [before[places[item[key]]] if item[key] in places else nothing for item in after]
    pairs = list(zip(old_items, after, strict=True))
    patches = [{key: item[key], **(_object_patch(item_type, old_item, item) or nothing)} for old_item, item in pairs]
    differing = [patch for patch, pair in zip(patches, pairs, strict=True) if not same(*pair)]
    deleted = [{key: item[key], "$patch": "delete"} for item in before if item[key] not in kept]
    yield {name: [*differing, *deleted]}
    yield {name: [*patches, *deleted]}
    yield {name: [{"$patch": "replace"}, *after]}


def _leads(type_: str, patch: Object, old: Object, new: Object, name: str) -> bool:
    return same(_object(type_, {name: old[name]}, patch), {name: new[name]})
