"""A process of the torture test that is the product's own command, `worker ROLE`, with a clock that can be stepped."""

import sys

from commonshelf.cli import main
from tests.proof.faults.clock import follow_clock

if __name__ == "__main__":
    follow_clock()
    role, settings = sys.argv[1:]
    sys.argv[1:] = ["worker", role, "--resolved", settings]
    main()
