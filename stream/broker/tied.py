"""Runs a command that the kernel ends when the process that started it dies: ``tied.py PARENT COMMAND …``.

Run as a script in an interpreter of its own, because Python warns of code between fork and exec where threads
run. Linux only (prctl(2), PR_SET_PDEATHSIG); elsewhere the command runs untied.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ties this process to its parent, then becomes the command."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != int(parent):  # it died before the tie was made
            raise SystemExit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
