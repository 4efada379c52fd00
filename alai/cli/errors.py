"""What can go wrong, each with the exit code that scripts rely on."""

DONE, REFUSED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 4, 130


class CliError(Exception):
    """One sentence for the reader. It never holds a token."""

    exit_code = REFUSED

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Refused(CliError):
    """Held by another, not found, evidence missing. `code` is the API's stable word for it."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class Usage(CliError):
    exit_code = USAGE


class Unreachable(CliError):
    """No answer from the ledger: either nothing was done, or the sentence says that it is unknown."""

    exit_code = UNREACHABLE
