"""``python -m labmesh.run_node PROGRAM ...``: one node as one process, as a launch starts it."""

import signal
import sys

if __name__ == "__main__":
    # Until the event loop takes the signals over, Ctrl-C shall end the process without a page of
    # traceback from the middle of an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    from labmesh.node.__main__ import main

    sys.exit(main())
