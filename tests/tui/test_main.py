"""The entry point: what opens the app, what goes to the command line, and what that costs."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from tui import main as entry


@pytest.fixture
def calls(monkeypatch):
    seen = []
    cli = SimpleNamespace(main=lambda: seen.append(list(sys.argv[1:])))
    monkeypatch.setitem(sys.modules, "advisor.cli", cli)
    monkeypatch.setattr("advisor.cli", cli, raising=False)
    return seen


def test_arguments_go_to_the_command_line(monkeypatch, calls):
    monkeypatch.setattr(sys, "argv", ["whichtune", "advise", "facts.yaml"])
    entry.main()
    assert calls == [["advise", "facts.yaml"]]


def test_without_a_terminal_the_help_is_printed_and_the_exit_code_is_2(monkeypatch, calls, capsys):
    monkeypatch.setattr(sys, "argv", ["whichtune"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(SystemExit) as stop:
        entry.main()
    assert stop.value.code == 2
    assert calls == [["--help"]]
    assert "no terminal" in capsys.readouterr().err


def test_a_terminal_and_no_arguments_open_the_app(monkeypatch, calls):
    opened = []
    monkeypatch.setattr(sys, "argv", ["whichtune"])
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("tui.app.WhichtuneApp.run", lambda app: opened.append(app))
    entry.main()
    assert len(opened) == 1
    assert calls == []


def test_a_command_does_not_import_textual():
    code = (
        "import sys; from types import SimpleNamespace\n"
        "import advisor; advisor.cli = SimpleNamespace(main=lambda: None)\n"
        "sys.modules['advisor.cli'] = advisor.cli\n"
        "sys.argv = ['whichtune', '--help']\n"
        "from tui.main import main; main()\n"
        "print('textual' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_app_imports_no_training_library():
    code = "import sys, tui.app; print({'torch', 'transformers', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
