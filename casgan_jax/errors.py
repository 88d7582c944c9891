"""The one exception that means "the input is wrong", as opposed to "the program is wrong"."""


class UserError(ValueError):
    """Bad input, told in one line: file or field, what was found, what is expected, the remedy.

    The launchers print the message and exit with status 1, without a traceback.
    """


def one_line(error: Exception, *, limit: int = 200) -> str:
    """The message of another library's error, for use within a `UserError`."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else f"{text[:limit]}..."
