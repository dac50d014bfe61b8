"""How a manifest's file is read, and where its values stand."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_release.model.manifest import ManifestError, read_manifest
from canary_release.model.problem import Place, Problem
from canary_release.text.report import report
from canary_release.text.spelling import config_keys

from ..conftest import KUBECTL, needs_kubectl

HELM = "is a Helm template: give the output of `helm template`"
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.fixture
def read(tmp_path: Path):
    """Reads a file with this text."""

    def read(text: str | bytes):
        file = tmp_path / "app.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_manifest(str(file))

    return read


@pytest.fixture
def wrong(read: Any, tmp_path: Path):
    """What is wrong with a file of this text: line, path and what is accepted."""

    def wrong(text: str | bytes) -> list[tuple[int | None, Any, str]]:
        with pytest.raises(ManifestError) as error:
            read(text)
        for problem in error.value.problems:
            assert problem.place is None or problem.place.file == str(tmp_path / "app.yaml")
        return [(each.place and each.place.line, each.path, each.accepted) for each in error.value.problems]

    return wrong


def test_objects_come_from_documents_and_lists_in_their_order(read: Any):
    lists = "kind: List\nitems:\n- kind: A\n- kind: BList\n  items: [{kind: B}]\n"
    text = f"# first\n---\n{OBJECT}---\n# nothing\n---\n{lists}"
    assert [each["kind"] for each in read(text)[0]] == ["ConfigMap", "A", "B"]


def test_a_list_without_items_has_no_objects(read: Any):
    assert len(read(f"{OBJECT}---\nkind: List\nitems: []\n")[0]) == 1


def test_json_is_yaml(read: Any):
    assert read('{"kind": "A",\n\t"metadata": {"name":"a"}}')[0] == [{"kind": "A", "metadata": {"name": "a"}}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("y", True),
        ("", None),
        ("~", None),
        ("2024-01-02", "2024-01-02"),
        ("12:30", "12:30"),
        ("0644", 420),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1e3", 1000),
        ("2.0", 2),
        ("0.5", 0.5),
        ("08", 8),
        ("1.2.3", "1.2.3"),
        ("1e999", "1e999"),
        ("'yes'", "yes"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("|-\n  a\n  b", "a\nb"),
    ],
)
def test_scalars_are_what_kubectl_reads(read: Any, text: str, value: Any):
    (object_,), _ = read(f"a: {text}\n")
    assert object_ == {"a": value}
    assert type(object_["a"]) is type(value)


def test_names_are_text(read: Any):
    assert read("on: 1\n1: 2\n")[0] == [{"true": 1, "1": 2}]


def test_merge_keys_bring_what_is_not_there(read: Any):
    text = "a: &a {x: 1, v: 2}\nb: &b {x: 3, z: 4}\nc: {<<: *a, x: 0}\nd: {<<: [*a, *b]}\n"
    assert read(text)[0][0]["c"] == {"x": 0, "v": 2}
    assert read(text)[0][0]["d"] == {"x": 1, "v": 2, "z": 4}


def test_every_value_has_its_line(read: Any, tmp_path: Path):
    text = f"{OBJECT}---\nkind: List\nitems:\n- kind: A\n  spec:\n    list:\n      - a\n      -\n        b: 1\n"
    _, source = read(text + "  twin: &t\n    c:\n      2\n- kind: B\n  twin: *t\n")
    lines = {
        (0,): 1,
        (0, "metadata", "name"): 3,
        (0, "spec", "replicas"): 1,
        (1,): 7,
        (1, "spec"): 8,
        (1, "spec", "missing", "more"): 8,
        (1, "spec", "list", 0): 10,
        (1, "spec", "list", 1): 12,
        (1, "spec", "list", 1, "b"): 12,
        (1, "spec", "list", 2): 9,
        (1, "twin", "c"): 14,
        (2, "twin"): 17,
        (2, "twin", "c"): 14,
        (3,): 1,
        (): 1,
    }
    file = str(tmp_path / "app.yaml")
    assert {path: source.place(path) for path in lines} == {path: Place(file, line) for path, line in lines.items()}


@pytest.mark.parametrize(
    ("text", "line", "accepted"),
    [
        ("", 1, "must hold a Deployment, but has no objects"),
        ("# only this\n---\n", 1, "must hold a Deployment, but has no objects"),
        ("a:\n\tb: 1\n", 2, "must be indented by spaces, not by tabs"),
        ("a: b: c\n", 1, "must be YAML: mapping values are not allowed in this context"),
        (
            "a: [1,\nb: 2\n",
            3,
            "must be YAML: did not find expected ',' or ']' while parsing a flow sequence, which begins in line 1",
        ),
        ("a: 1\nb: *x\n", 2, "must be YAML: the anchor x is not defined before"),
        ("a: &x\n  b: *x\n", 2, "must be YAML: the anchor x contains itself"),
        ("a: &x 1\n---\na: *x\n", 3, "must be YAML: the anchor x is not defined before"),
        ("a: 1\nb: \x01\n", 2, "must be text: YAML has no such character"),
        ("a: 1\nb: {<<: 3}\n", 2, "must be an object, or a list of objects, behind a merge key (<<)"),
        ("a:\n  1.5: b\n", 2, "must have text as the name of a field (quote it)"),
        ("a: 1\n[b]: c\n", 2, "must have text as the name of a field (quote it)"),
        ("a: !!binary aGk=\n", 1, "must be a value of JSON: the tag !!binary is not one of Kubernetes"),
        ("a: !Ref b\n", 1, "must be a value of JSON: the tag !Ref is not one of Kubernetes"),
        ("a: .nan\n", 1, "must be a value of JSON: .nan is not a number of JSON"),
        ("a: !!int b\n", 1, "must be a value of JSON: b is not of the type !!int"),
        ("a: " + "[" * 200 + "]" * 200, 1, "must not nest deeper than 100 levels"),
        ("- a\n", 1, "must be an object with apiVersion, kind and metadata"),
        ("kind: List\nitems:\n- \n", 3, "must be an object with apiVersion, kind and metadata"),
        ("hello\n", 1, "must be an object with apiVersion, kind and metadata"),
        ("a: 1\nb: {{ .Values.b }}\n", 2, HELM),
        ("{{- if .Values.a }}\na: 1\n{{- end }}\n", 1, HELM),
        (
            "a: '{{ .Values.a }}'\nb: [\n",
            3,
            "must be YAML: did not find expected node content",
        ),
    ],
)
def test_what_is_not_a_manifest_is_told_in_one_sentence(wrong: Any, text: str, line: int, accepted: str):
    ((at, path, told),) = wrong(text)
    assert (at, path[0], told) == (line, "manifest", accepted)


def test_a_field_stands_once(wrong: Any):
    text = f"{OBJECT}---\n{OBJECT}data:\n  a: 1\n  b: 2\n  a: 3\n"
    assert wrong(text) == [(11, ("manifest", 1, "data", "a"), "must stand once: it stands in line 9, too")]


def test_of_two_fields_of_one_name_the_first_goes_as_nothing_reads_it(read: Any):
    with pytest.raises(ManifestError) as error:
        read(f"{OBJECT}data:\n  a: 1\n  a: 3\n")
    [problem] = error.value.problems
    assert report("wrong", [problem], config_keys("dev")).endswith(": remove what begins in line 5")


def test_a_file_without_objects_is_empty(read: Any):
    with pytest.raises(ManifestError) as error:
        read("# nothing\n")
    assert ":1: empty\n" in report("wrong", error.value.problems, config_keys("dev"))


def test_everything_wrong_is_told_at_once(wrong: Any):
    assert [line for line, *_ in wrong("a: .inf\na: 1\nb: !X y\n---\n- a\n---\nb: [\n")] == [1, 2, 3, 5, 8]


@pytest.mark.parametrize("data", [b"\xff\xfea\x00", b"\x89PNG\r\n\x1a\n\xff", b"\xc3("])
def test_a_file_that_is_not_text_is_told(wrong: Any, data: bytes):
    assert wrong(data) == [(None, ("manifest",), "must be a file of text in UTF-8")]


def test_a_byte_order_mark_is_skipped(read: Any):
    assert read(b"\xef\xbb\xbfa: 1\n")[0] == [{"a": 1}]


def test_a_path_that_is_no_file_is_told(tmp_path: Path):
    joined = f"Is a directory; join its files, or give the output of `kubectl kustomize {tmp_path}`"
    for path, why in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, joined)):
        with pytest.raises(ManifestError) as error:
            read_manifest(path)
        assert error.value.problems == [Problem(("manifest",), str(path), f"must be the path of a file: {why}")]


def test_a_folder_is_not_proposed_for_a_file_and_hides_no_other(tmp_path: Path):
    (tmp_path / "shop.yaml").mkdir()
    (tmp_path / "shops.yaml").write_text("apiVersion: v1")
    for name in ("shop.yaml", "shop.yml"):
        with pytest.raises(ManifestError, match=r"; did you mean .*/shops\.yaml\?$"):
            read_manifest(tmp_path / name)


def test_aliases_of_aliases_do_not_fill_the_memory(wrong: Any):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    ((line, _, accepted),) = wrong("\n".join(lines))
    assert (line, accepted) == (5, "must not hold more than 100000 values, with what its aliases stand for")


PIECES = st.sampled_from(
    ["a", "kind", "List", "items", ": ", ":", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ", ", "&x ", "*x"]
)
MORE = st.sampled_from(
    ["<<: ", "'", '"', "|", ">", "---\n", "...", "!!int ", "!", "1", "~", "? ", "%", "#", "\x00", "é", "\r"]
)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | MORE, max_size=30).map("".join).map(str.encode) | st.binary(max_size=30))
def test_any_file_has_objects_or_problems(read: Any, data: bytes):
    try:
        objects, source = read(data)
    except ManifestError as error:
        objects, problems = [], error.problems
    else:
        problems: list[Problem] = []
        assert all(source.place((at,)).line >= 1 for at in range(len(objects)))
    assert bool(objects) != bool(problems)
    assert all(each.path[0] == "manifest" for each in problems)
    json.dumps(objects, allow_nan=False)


SCALARS = """
y Yes on OFF null ~ Null TRUE 1 0755 08 0o17 0x1F 0b11 -0x1f +12 1_000 1e3 1.5 1. -1.0 .5 5. 1:30 2024-01-02 .inf 1e999
18446744073709551616 abc '1' "on" - + 0_7 _1 00 0x 0b2 = << *x &x [1,yes] {a:1} -0b11 1e-3 !!str|12 !!int|'3' !!float|3
!!bool|yes !|12 !!int|1.5 &x|5 &x|{q:|1}
"""
TEXTS = st.sampled_from([text.replace("|", " ") for text in SCALARS.split()])
NAMES = st.sampled_from(["a", "b", "<<", "y", "010", "'<<'"]) | st.text("abc0-9", min_size=1, max_size=3)


@needs_kubectl
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, TEXTS | st.text("0123456789+-._eExob", min_size=1, max_size=6)), min_size=1))
def test_a_file_is_what_kubectl_reads(read: Any, tmp_path: Path, fields: list[tuple[str, str]]):
    try:
        objects, _ = read(OBJECT + "data:\n" + "".join(f"  {name}: {text}\n" for name, text in fields))
    except ManifestError:
        return
    arguments = ["--local", "--filename", str(tmp_path / "app.yaml"), "--type", "merge", "--patch", "{}", "-o", "json"]
    done = subprocess.run([str(KUBECTL), "patch", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert _small(objects[0]) == _small(json.loads(done.stdout))


def _small(value: Any) -> Any:
    """Numbers beyond 64 bits lose their last digits in kubectl."""
    if isinstance(value, dict):
        return {name: _small(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_small(each) for each in value]
    return str(float(value) if isinstance(value, int) and abs(value) >= 2**63 else value)
