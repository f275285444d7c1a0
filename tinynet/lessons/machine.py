"""What a training ran on."""
import os
import platform
import re
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np


def machine() -> dict[str, Any]:
    """Return what numbers depend on, in the last bits at least, and the date."""
    processor, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if info.exists():  # Linux, where platform knows only the architecture
        named = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8"))
        processor = named[1] if named else processor
    return {"processor": processor, "cores": os.cpu_count(), "system": platform.system(),
            "python": platform.python_version(), "numpy": np.__version__, "tinynet": metadata.version("tinynet"),
            "date": date.today().isoformat()}
