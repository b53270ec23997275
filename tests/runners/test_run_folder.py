"""The run folder: whole files or none, whole lines or none, and the truth about who is alive."""

import json
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.errors import RunError
from runners import _run_folder
from runners._run_folder import append_event, read_events, status
from runners.base import DataFile, Plan, Prediction, Progress


@pytest.fixture
def plan(tmp_path):
    """A written plan; its files are of no matter here."""
    file = DataFile(path=tmp_path / "rows.jsonl", sha256="0" * 64, rows=1)
    folder = tmp_path / "heads-0001"
    folder.mkdir()
    plan = Plan(
        approach="heads",
        task="classification",
        base_model="modèle/ü",
        train=file,
        evaluation=file,
        folder=folder,
        settings={"strength": 3.0},
        reasons={"base_model": "why: not"},
        max_minutes=1.5,
    )
    _run_folder.write_plan(plan)
    return plan


def run_python(code, *arguments, **more):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        **more,
    )


def test_a_plan_comes_back_as_it_was_written(plan):
    assert _run_folder.read_plan(plan.folder) == plan


def test_a_plan_follows_its_folder_when_that_is_moved(plan, tmp_path):
    moved = plan.folder.rename(tmp_path / "elsewhere")
    assert _run_folder.read_plan(moved).artifact == moved / "artifact"


@pytest.mark.parametrize(
    "content", [b"", b"- a\n- b\n", b"approach: heads\n", b"a: [", b"\xff\xfe\xfa"]
)
def test_what_is_no_plan_is_refused_in_words(tmp_path, content):
    (tmp_path / "plan.yaml").write_bytes(content)
    with pytest.raises(RunError, match=r"plan\.yaml: not a plan: .*\n  fix: make a new plan"):
        _run_folder.read_plan(tmp_path)


def test_a_folder_without_a_plan_is_refused_in_words(tmp_path):
    with pytest.raises(RunError, match=r"no plan\.yaml in this folder\n  fix: name a folder"):
        status(tmp_path)


def test_numbers_are_taken_in_order_and_never_reused_below_the_highest(tmp_path):
    first = _run_folder.new_folder(tmp_path, "heads")
    (tmp_path / "heads-0007").mkdir()
    (tmp_path / "lora-0009").mkdir()
    taken = [first.name, _run_folder.new_folder(tmp_path, "heads").name]
    assert taken == ["heads-0001", "heads-0008"]


def test_two_never_get_the_same_folder(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: _run_folder.new_folder(tmp_path / "new", "lora"), range(60)))
    assert len(set(made)) == 60
    assert all(folder.is_dir() for folder in made)


FILL = """
import resource, sys
from pathlib import Path
from runners import _run_folder

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    _run_folder.write_atomic(Path(sys.argv[1]), "x" * 5000)
except OSError as error:
    print(error.strerror)
"""


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.json"
    _run_folder.write_atomic(path, "old")
    assert "too large" in run_python(FILL, path, check=True).stdout
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_file_may_be_read_by_whom_the_user_lets_read(tmp_path):
    before = os.umask(0o022)
    try:
        _run_folder.write_atomic(tmp_path / "result.json", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "result.json").stat().st_mode) == 0o644


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, texts = tmp_path / "file", {"a" * 200_000, "b" * 200_000}
    _run_folder.write_atomic(path, "a" * 200_000)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(
            lambda: [_run_folder.write_atomic(path, text) for text in [*texts] * 20]
        )
        while not writing.done():
            assert path.read_text() in texts
        writing.result()


def test_events_come_back_in_order_and_reading_goes_on_where_it_stopped(tmp_path):
    append_event(tmp_path, state="queued")
    first, offset = read_events(tmp_path)
    append_event(tmp_path, progress=Progress(message="Ü", values={"loss": 0.5}))
    second, end = read_events(tmp_path, offset)
    assert [event.state for event in first] == ["queued"]
    assert [event.progress for event in second] == [Progress(message="Ü", values={"loss": 0.5})]
    assert read_events(tmp_path, end) == ([], end)


def test_a_torn_last_line_waits_until_it_is_whole(tmp_path):
    append_event(tmp_path, state="running")
    path = tmp_path / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:10])
    events, offset = read_events(tmp_path)
    assert [event.state for event in events] == ["running"]
    assert offset == len(whole)
    path.write_bytes(whole + whole)
    assert len(read_events(tmp_path, offset)[0]) == 1


def test_a_torn_line_does_not_take_the_next_event_along(tmp_path):
    append_event(tmp_path, state="running")
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"time":17')
    append_event(tmp_path, state="queued")
    assert [event.state for event in read_events(tmp_path)[0]] == ["running", "queued"]


APPEND = """
import sys
from pathlib import Path
from runners import _run_folder
from runners.base import Progress

for step in range(200):
    _run_folder.append_event(Path(sys.argv[1]), progress=Progress(message="x" * 300, step=step))
"""


def test_two_processes_that_write_events_at_once_never_mix_their_lines(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path)]) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    # An empty line is harmless: one writer saw a line of the other as torn while it was written.
    steps = [json.loads(line)["progress"].get("step", 0) for line in lines if line]
    assert sorted(steps) == sorted([*range(200)] * 2)


def test_an_event_that_does_not_fit_on_the_disk_is_an_error_and_not_silence(tmp_path):
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        append_event(tmp_path, state="done")


SHORT = """
import resource, sys
from pathlib import Path
from runners import _run_folder

folder = Path(sys.argv[1])
_run_folder.append_event(folder, state="running")
size = (folder / "events.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
try:
    _run_folder.append_event(folder, state="done")
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
_run_folder.append_event(folder, state="failed")
"""


def test_an_event_of_which_a_part_fits_is_an_error_and_the_next_one_is_whole(tmp_path):
    assert "too large" in run_python(SHORT, tmp_path, check=True).stdout
    assert [event.state for event in read_events(tmp_path)[0]] == ["running", "failed"]


def test_a_plan_alone_is_planned(plan):
    found = status(plan.folder)
    assert (found.state, found.last, found.result, found.name) == (
        "planned",
        None,
        None,
        "heads-0001",
    )


def test_a_run_whose_process_lives_is_running(plan):
    append_event(plan.folder, state="running", **_run_folder.own_process())
    append_event(plan.folder, progress=Progress(message="half way"))
    found = status(plan.folder)
    assert found.state == "running"
    assert found.last is not None
    assert found.last.progress == Progress(message="half way")


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_whose_process_number_went_to_another_process_died(plan, state):
    own = _run_folder.own_process()
    append_event(plan.folder, state=state, pid=own["pid"], pid_started=own["pid_started"] - 100)
    assert status(plan.folder).state == "died"


def test_a_run_whose_process_is_gone_died_even_before_its_parent_takes_notice(plan):
    child = subprocess.Popen([sys.executable, "-c", ""])
    append_event(plan.folder, state="running", pid=child.pid)
    while (waited := os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)) is None:
        time.sleep(0.01)
    assert waited.si_pid == child.pid  # over, and not waited for: a zombie
    assert status(plan.folder).state == "died"
    child.wait()
    assert status(plan.folder).state == "died"


def test_a_run_without_a_process_number_died(plan):
    append_event(plan.folder, state="running")
    assert status(plan.folder).state == "died"


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_the_last_state_counts_whoever_lives(plan, state):
    append_event(plan.folder, state="running", **_run_folder.own_process())
    append_event(plan.folder, state=state)
    append_event(plan.folder, progress=Progress(message="late news"))
    assert status(plan.folder).state == state


@pytest.mark.parametrize("content", [None, '{"approach": "heads"', "\xff"])
def test_a_run_that_is_done_without_a_readable_result_died_and_can_be_run_again(plan, content):
    append_event(plan.folder, state="done")
    if content is not None:
        (plan.folder / "result.json").write_bytes(content.encode("latin-1"))
    found = status(plan.folder)
    assert (found.state, found.result) == ("died", None)


def test_one_broken_run_does_not_hide_the_others(plan, tmp_path):
    (tmp_path / "bad-0001").mkdir()
    (tmp_path / "bad-0001" / "plan.yaml").write_text("a: [")
    (tmp_path / "data").mkdir()
    assert [run.name for run in _run_folder.statuses(tmp_path)] == ["heads-0001"]


def test_runs_are_listed_oldest_first(plan, tmp_path):
    for name, age in (("a-0001", 0), ("b-0001", 200), ("c-0001", 100)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "plan.yaml"
        path.write_text((plan.folder / "plan.yaml").read_text())
        moment = time.time() + 1000 - age
        os.utime(path, (moment, moment))
    names = [run.name for run in _run_folder.statuses(tmp_path)]
    assert names == ["heads-0001", "b-0001", "c-0001", "a-0001"]


@given(
    st.lists(
        st.builds(
            Prediction,
            id=st.text(),
            prediction=st.text(),
            score=st.none() | st.floats(0, 1),
            abstained=st.booleans(),
            sources=st.lists(st.text(), max_size=3).map(tuple),
        ),
        max_size=5,
    )
)
def test_predictions_come_back_as_they_were_written(tmp_path_factory, predictions):
    path = tmp_path_factory.mktemp("predictions") / "predictions.jsonl"
    _run_folder.write_predictions(path, predictions)
    assert _run_folder.read_predictions(path) == predictions


def test_of_many_that_take_a_run_at_once_one_gets_it_and_the_others_hear_who(plan):
    def take(_):
        try:
            _run_folder.claim(plan.folder)
        except RunError as error:
            return error.what
        return ""

    with ThreadPoolExecutor(8) as pool:
        told = sorted(pool.map(take, range(8)))
    assert told == [""] + [f"heads-0001 is queued already, in process {os.getpid()}"] * 7
    states = [event.state for event in read_events(plan.folder)[0]]
    assert states == ["queued"]
