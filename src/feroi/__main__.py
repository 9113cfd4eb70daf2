"""`python -m feroi`, the same as `feroi`; what torchrun starts."""

import sys


def main() -> None:
    """The command line. Ctrl-C ends it without a traceback even while it is loading."""
    try:
        from feroi.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
