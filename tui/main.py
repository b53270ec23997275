"""The entry point of ``whichtune``: no arguments open the app, anything else is a command.

Nothing is imported before that is known: ``whichtune --help`` must not pay for Textual, nor the app
for Typer.
"""

import sys


def main() -> None:
    """Open the app or hand over to the command line.

    Without arguments and without a terminal there is nobody to draw for: a hint goes to stderr, the
    help to stdout, and the exit code is 2, since the call was probably a mistake in a script.
    """
    if len(sys.argv) > 1:
        _command_line()
    elif all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        # Textual draws on stderr: redirecting that would leave an empty terminal.
        from tui.app import WhichtuneApp
        from tui.beside import leave

        WhichtuneApp().run()
        leave()
    else:
        hint = "whichtune: no terminal, so the app cannot open\n  fix: name a command, see below\n"
        sys.stderr.write(hint)
        sys.argv.append("--help")
        try:
            _command_line()
        except SystemExit:
            raise SystemExit(2) from None
        raise SystemExit(2)


def _command_line() -> None:
    from advisor import cli

    cli.main()


if __name__ == "__main__":
    main()
