"""The one exception that a user's mistake raises."""


class UserError(Exception):
    """A mistake in what the user gave: one sentence that says what, where, and how to mend it.

    The command line prints the sentence and exits with 1. A defect of ours is never a `UserError`: it keeps its
    traceback.
    """
