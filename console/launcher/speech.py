"""How the launcher talks to the terminal."""

import sys


def say(message: str) -> None:
    """Print one line at once, so that it is in order with what the started programs print."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def complain(message: str) -> None:
    """Print one line on the error stream."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
