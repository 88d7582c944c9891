"""The one exception that means "the input is wrong", as opposed to "the program is wrong"."""


class UserError(ValueError):
    """Bad input, told in one line: file or field, what was found, what is expected, the remedy.

    The launchers print the message and exit with status 1, without a traceback.
    """
