"""Errors the user can fix. They live in the lowest layer, so that every layer can raise them.

UserError
├── RuleError            a rule file says something the engine cannot evaluate
├── FactError            an answer or a facts file names an unknown fact or an impossible value
├── DataError            the user's rows cannot be used as they are
├── SettingError         an approach was given a knob it does not have, or a value out of range
├── RunError             a run is missing, busy, or cannot be continued
└── MissingExtraError    a library that is not installed is needed
"""


class UserError(Exception):
    """Something the user can put right. The CLI prints it without a traceback and exits with 2.

    Args:
        what: What was wrong, with the offending value quoted.
        where: The place to look: ``file:line``, a flag, or a question id.
        fix: The next thing to type or to change.
    """

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        super().__init__(f"{where}: {what}\n  fix: {fix}")
        self.what, self.where, self.fix = what, where, fix

    def __reduce__(self) -> "tuple[object, ...]":
        """Keep the three parts across processes; the default would lose the keywords."""
        return _rebuild, (type(self), self.what, self.where, self.fix)


def _rebuild(kind: type[UserError], what: str, where: str, fix: str) -> UserError:
    return kind(what, where=where, fix=fix)


class RuleError(UserError):
    """A rule file does not say something the engine can evaluate."""


class FactError(UserError):
    """An answer names a fact that does not exist, or a value that the fact cannot have."""


class DataError(UserError):
    """The user's rows cannot be used as they are."""


class SettingError(UserError):
    """An approach was given a setting it does not have, or a value out of its range."""


class RunError(UserError):
    """A run does not exist, is busy, or cannot be continued."""


class MissingExtraError(UserError):
    """A library that the chosen approach needs is not installed."""
