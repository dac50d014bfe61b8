"""References to container images: the repository, and the version in it."""

import re
from dataclasses import dataclass, replace

TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
DIGEST = r"sha256:[0-9a-f]{64}"
HOST_PART = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
PATH_PART = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
HOST = rf"({HOST_PART}(\.{HOST_PART})*|\[[0-9a-fA-F:]+\])(:[0-9]+)?"
REPOSITORY = re.compile(rf"({HOST}/)?{PATH_PART}(/{PATH_PART})*")
VERSION = re.compile(rf"{TAG}|{DIGEST}|{TAG}@{DIGEST}")
ACCEPTED = "must be an image such as registry.example.com/team/app:v1.0.0: repository in lower case, no spaces"


@dataclass(frozen=True)
class ImageReference:
    """`repository:tag`, `repository@sha256:…`, `repository:tag@sha256:…`, or the repository alone."""

    repository: str
    version: str | None = None
    """The tag, `sha256:…`, or `tag@sha256:…`; None for the repository alone."""

    @staticmethod
    def parse(text: str) -> "ImageReference":
        """The reference that the text holds. Raises `ValueError` with what is accepted."""
        repository, version = split(text)
        if not REPOSITORY.fullmatch(repository) or (version is not None and not VERSION.fullmatch(version)):
            raise ValueError(ACCEPTED)
        return ImageReference(repository, version)

    def with_version(self, version: str | None) -> "ImageReference":
        """The same repository with another version."""
        return replace(self, version=version)

    def __str__(self) -> str:
        if self.version is None:
            return self.repository
        return f"{self.repository}{'@' if self.version.startswith('sha256:') else ':'}{self.version}"


def split(text: str) -> tuple[str, str | None]:
    """What stands before and after the version's separator, whether or not either is valid."""
    start = text.rfind("/") + 1 if "@" not in text else text.rfind("/", 0, text.index("@")) + 1
    found = re.search(r"[:@]", text[start:])
    if not found:
        return text, None
    end = start + found.start()
    return text[:end], text[end + 1 :]


def tag(version: str | None) -> str | None:
    """The tag of a version; None if it is a digest alone."""
    return None if version is None or version.startswith("sha256:") else version.partition("@")[0]


def version_problem(version: str) -> str | None:
    """What is accepted in place of the version; None if it is accepted itself.

    `latest` alone is not: it moves.
    """
    if version == "latest":
        return "must be a version that never moves: what `latest` runs is known only after the fact"
    if VERSION.fullmatch(version):
        return None
    tag, _, digest = version.rpartition("@")
    if digest.startswith("sha256:") and (not tag or re.fullmatch(TAG, tag)):
        return "must be sha256: followed by 64 characters of 0-9 and a-f"
    return (
        "must be a tag alone (letters, digits, . _ -), a digest sha256:…, or tag@sha256:…; "
        "the repository belongs into {manifest}"
    )


def proposed_version(text: str) -> str | None:
    """The version in a text that holds something else besides, as `team/app:v1` does; None if there is none."""
    text = text.strip()
    if VERSION.fullmatch(text):
        return text
    repository, version = split(text)
    # 12:30 is a time: no repository has a number for its name.
    named = not repository or (REPOSITORY.fullmatch(repository) and not repository.isdecimal())
    usable = version and VERSION.fullmatch(version) and named
    return version if usable else None
