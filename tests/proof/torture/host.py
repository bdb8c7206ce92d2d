"""The connectors' host of the torture test: the product's own command, with a clock that can be stepped."""

import sys

from commonshelf.cli import main
from tests.proof.faults.clock import follow_clock

if __name__ == "__main__":
    follow_clock()
    sys.argv[1:] = ["worker", "connectors", "--resolved", sys.argv[1]]
    main()
