"""References to images are taken apart in one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_release.model.image import ImageReference, proposed_version, version_problem

DIGEST = "sha256:" + "9f" * 32
REFERENCES = {
    "shop": ("shop", None),
    "shop:v1": ("shop", "v1"),
    "team/shop": ("team/shop", None),
    "localhost:5000/shop": ("localhost:5000/shop", None),
    "registry.example.com:5000/team/shop:v1": ("registry.example.com:5000/team/shop", "v1"),
    f"shop@{DIGEST}": ("shop", DIGEST),
    f"registry.example.com:5000/blog:5.82.0@{DIGEST}": ("registry.example.com:5000/blog", f"5.82.0@{DIGEST}"),
    "[2001:db8::1]:5000/shop:v1": ("[2001:db8::1]:5000/shop", "v1"),
}


@pytest.mark.parametrize("text", REFERENCES)
def test_a_reference_is_a_repository_and_perhaps_a_version(text: str):
    reference = ImageReference.parse(text)
    assert (reference.repository, reference.version) == REFERENCES[text]
    assert str(reference) == text


@pytest.mark.parametrize(
    "text", ["", "shop:", "Shop:v1", "shop :v1", "shop..a", "https://shop/a", "shop@sha256:ab", "shop:${TAG}", "a//b"]
)
def test_what_is_no_reference_is_refused_with_what_is_accepted(text: str):
    with pytest.raises(ValueError, match="must be an image such as"):
        ImageReference.parse(text)


@given(
    repository=st.sampled_from([repository for repository, _ in REFERENCES.values()]),
    version=st.none() | st.from_regex(rf"[a-z_][a-z.-]{{0,9}}|{DIGEST}|v1@{DIGEST}", fullmatch=True),
)
def test_a_reference_that_is_written_is_read_as_the_same(repository: str, version: str | None):
    reference = ImageReference(repository).with_version(version)
    assert ImageReference.parse(str(reference)) == reference


@pytest.mark.parametrize("version", ["v1", "1.10", "_a", "a" * 128, DIGEST, f"v1@{DIGEST}", f"latest@{DIGEST}"])
def test_tags_digests_and_both_are_versions(version: str):
    assert version_problem(version) is None


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        ("latest", "never moves"),
        ("", "a tag alone"),
        (".v1", "a tag alone"),
        ("a" * 129, "a tag alone"),
        ("shop:v1", "belongs into {manifest}"),
        ("sha256:ab", "64 characters"),
        ("v1@sha256:ab", "64 characters"),
        ("sha512:" + "ab" * 64, "a tag alone"),
    ],
)
def test_what_moves_or_is_malformed_is_no_version(version: str, accepted: str):
    assert accepted in str(version_problem(version))


@pytest.mark.parametrize(
    ("text", "version"),
    [("team/shop:v1", "v1"), (" v1 ", "v1"), (f"team/shop@{DIGEST}", DIGEST), ("a b:v1", None), ("a/b/v1", None)],
)
def test_a_version_is_proposed_from_a_text_that_holds_one(text: str, version: str | None):
    assert proposed_version(text) == version
