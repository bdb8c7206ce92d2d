"""The connectors' host of the torture test: the product's own command, with a clock that can be stepped."""

import sys
from pathlib import Path

from commonshelf.commands.worker import connectors
from tests.proof.faults.clock import follow_clock

if __name__ == "__main__":
    follow_clock()
    connectors(resolved=Path(sys.argv[1]))
