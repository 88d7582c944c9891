"""What a command may end with other than success: its input is wrong, or it was asked to stop."""


class UserError(ValueError):
    """Bad input, told in one line: file or field, what was found, what is expected, the remedy.

    The launchers print the message and exit with status 1, without a traceback.
    """


class Interrupted(Exception):
    """Work that a signal asked to stop, and that has saved its state.

    Attributes:
      exit_status: 128 + the signal's number, as a shell reports it.
    """

    def __init__(self, line: str, signal_number: int) -> None:
        super().__init__(line)
        self.exit_status = 128 + signal_number


def one_line(error: Exception, *, limit: int = 200) -> str:
    """The message of another library's error, for use within a `UserError`."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else f"{text[:limit]}..."
