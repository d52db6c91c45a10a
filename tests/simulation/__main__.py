"""See `replay`, which is a module of its own so that other processes can import it."""

import sys

from tests.simulation.replay import main

if __name__ == "__main__":
    sys.exit(main())
