"""Taking the network away from the process that a student's file runs in."""
import ctypes
import os
import sys

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER and CLONE_NEWNET of Linux's sched.h


def without_network() -> bool:
    """Put this process into a network of its own that leads nowhere; return whether the system allowed it.

    Linux alone has such a thing, and some containers and distributions forbid it.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    flags = NEW_NETWORK if os.getuid() == 0 else NEW_NETWORK | NEW_USER
    if library.unshare(flags) == 0:
        return True
    return flags == NEW_NETWORK and library.unshare(NEW_NETWORK | NEW_USER) == 0
