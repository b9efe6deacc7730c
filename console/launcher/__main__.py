"""`python -m console.launcher`."""

import sys

from console.launcher.cli import main

sys.exit(main())
