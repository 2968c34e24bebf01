"""Errors a user can cause or meet. Each names the place, the rule, the value and the remedy.

The class decides the exit code of the command (see README, "Exit codes").
"""


class RnnsearchError(Exception):
    """The command failed. Exit code 1."""

    exit_code = 1


class StudyFileError(RnnsearchError):
    """The study file, a flag or the device asked for is wrong. Exit code 2."""

    exit_code = 2


class DataError(RnnsearchError):
    """The price data cannot be used. Exit code 3."""

    exit_code = 3


class StorageError(RnnsearchError):
    """The study store or the tracking store cannot be used. Exit code 4."""

    exit_code = 4


class NoTrialError(RnnsearchError):
    """No trial was completed, so there is no result. Exit code 5."""

    exit_code = 5
