"""What stops a command, in words for the person who typed it."""


class QuenchError(Exception):
    """The text is printed as it is, a line for each thing: what is wrong, where, what to do."""

    exit_code = 1


class ConfigError(QuenchError):
    """The configuration can't be used; every mistake is one line."""

    exit_code = 78


class JournalError(QuenchError):
    """The journal can't be opened, read or written."""


class NoDrinkLeft(JournalError):
    """The journal says that the slot is empty."""


class UsageError(QuenchError):
    """The command can't be understood."""

    exit_code = 2
