"""Django's command line for Evenhand."""

import os
import sys


def main() -> None:
    """Run a management command with the settings the environment names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings.base")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
