"""What a revision may lack, in every connector: no cell may be missing, and a new connector brings its own.

The rule of all cells: what one version took stays taken unless a later one says that it was not sold. Each cell of a
connector is the messages after the first order, as its vendor would tell them, and leaves both lines' goods sold; after
a refund of all of the second line they leave it as it was before the sale, once.
"""

from copy import deepcopy

import pytest

from connectors.installed import installed
from connectors.specs import connector_of
from tests.support.tills import CELLS, GONE, TILLS, DropFolder, on_hand
from tests.support.tills_revised import MATRIX, NO_SUCH

OF_KIND = {connector_of(till.system): till for till in [*TILLS, DropFolder()]}


def test_no_connector_and_no_cell_is_missing():
    assert set(MATRIX) == set(installed()[0])
    assert {kind: set(cells) for kind, cells in MATRIX.items()} == {kind: set(CELLS) for kind in MATRIX}
    assert set(OF_KIND) == set(MATRIX)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", MATRIX)
def test_what_was_taken_stays_taken(kind, cell):
    till, revise = OF_KIND[kind], MATRIX[kind][cell]
    if revise is NO_SUCH:
        assert not till.skips_lines
        return
    first = till.order()
    later = revise(till, deepcopy(first), till.order(version=2))
    assert on_hand(till.read(first), *later) == [-2_000, 0 if cell == GONE else -3_000]
