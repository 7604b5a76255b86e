"""`python -m cosmicnet.training` is the command `cosmicnet`."""
from __future__ import annotations

import sys

from .commands.cli import main

sys.exit(main())
