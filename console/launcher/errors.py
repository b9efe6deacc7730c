"""What the launcher says when it cannot go on."""


class LauncherError(Exception):
    """Something the operator has to put right; the message says what and how."""


class StopRequested(Exception):
    """Ctrl-C or a termination signal arrived while the launcher was waiting for something."""
