"""`python -m feroi`, the same as `feroi`; what torchrun starts."""

import atexit
import os
import signal
import sys


def main() -> None:
    """The command line. Ctrl-C ends it without a traceback even while it is loading."""
    try:
        _open_closed_streams()
        from feroi.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except SystemExit as ended:
        code = ended.code
        if isinstance(code, int) and code > 128:  # stopped; who says it again does not wait
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: os._exit(code))
                # Python takes that back as it ends, and the process would seem killed.
                atexit.register(signal.signal, number, signal.SIG_IGN)
        raise


def _open_closed_streams() -> None:
    """Let standard input and error that were closed lead nowhere.

    Else files that are opened get their numbers, and what libraries print goes into tables.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    main()
