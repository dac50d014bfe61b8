"""What a run remembers."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tools.release.journal import Journal, PlanError, Step, ending, path_of, read, save, write_whole

JOURNAL = Journal("dev", "plan.yaml", 1.5, "tester", True, (Step("before", "a: ä\r\n"), Step("start", "b\n")))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def test_a_journal_is_read_as_it_was_saved():
    event = {"at": 2.5, "step": "start", "what": "updated"}
    journal = replace(JOURNAL, events=(event,), looks=({"at": 3.0},), restarts={"uid": 2})
    assert read("dev") is None
    save(journal)
    assert read("dev") == journal


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"steps": [{}], "events": []}', "\x00"])
def test_a_journal_that_cannot_be_read_is_one_error(text: str):
    path_of("dev").write_text(text)
    with pytest.raises(PlanError, match=r"^\.release-dev\.json cannot be read"):
        read("dev")


def test_a_journal_is_gone_when_its_run_has_ended_and_stays_if_the_end_fails_or_is_killed():
    save(JOURNAL)
    with suppress(KeyboardInterrupt), ending("dev"):
        assert not path_of("dev").exists()
        raise KeyboardInterrupt
    assert read("dev") == JOURNAL
    path_of("dev").rename(".release-dev.ending")  # As a kill leaves it.
    assert read("dev") == JOURNAL
    with ending("dev"):
        pass
    assert read("dev") is None
    assert list(Path().glob(".release*")) == []


def test_a_file_is_written_whole_and_keeps_its_mode(tmp_path: Path):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text("old")
    path.chmod(0o600)
    write_whole(path, "a: ä\r\n")
    assert path.read_bytes() == "a: ä\r\n".encode()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("Pulumi*")) == [path]
