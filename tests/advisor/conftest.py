"""A `whichtune` to call as a user would, with a folder of runs of its own."""

import pytest

from advisor import cli


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def whichtune(capsys, monkeypatch, runs):
    """Type a command; get the exit code, what is on stdout, and what is on stderr."""

    def type_command(*arguments, stdin=None, **more):
        folder = more.get("runs", runs)
        if folder:
            monkeypatch.setenv("WHICHTUNE_RUNS", str(folder))
        if stdin is not None:
            import io

            monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        monkeypatch.setattr("sys.argv", ["whichtune", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return type_command
