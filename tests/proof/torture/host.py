"""A process of the torture test that is the product's own command, `worker ROLE`, with a clock that can be stepped.

On SIGUSR1 it writes into its log where each of its threads is.
"""

import faulthandler
import signal
import sys

from commonshelf.cli import main
from tests.proof.faults.clock import follow_clock

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    follow_clock()
    role, settings = sys.argv[1:]
    sys.argv[1:] = ["worker", role, "--resolved", settings]
    main()
