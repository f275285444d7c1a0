"""`python -m tinynet` is `tinynet`."""
import sys

from .cli import main

sys.exit(main())
