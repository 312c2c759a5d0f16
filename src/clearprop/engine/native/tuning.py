"""What the native engine is tuned with: one table for each kind of tiles and each precision.

The numbers decide how fast, not what: results have the same bits with any of them, except for `in_ticket`,
`most_blocks`, `tickets` and `fewest_blocks`.  A gradient's norm and a penalty are summed ticket by ticket, so those
four are the same for all tiles.  (`rows.BLOCK` is no tuning: it is part of what every sum means.)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tuning:
    """The numbers for one kind of tiles and one precision."""

    # A tile of `rows` x `vectors` logical vectors stays in registers while a matrix product runs through it, and has to
    # leave room for its operands.
    rows: int  # 4, 6 or 8; batches are worked on in multiples of it
    vectors: int
    columns: int  # logical vectors of one row that kernels without tiles hold beside their `sums`
    sums: int  # logical vectors that kernels without tiles (one sample, sparse rows) sum in; they divide the lanes

    # The update of a layer's weights: a block is `lanes` rows of them
    at_once: int  # blocks summed at once: 24 rows of float64 are whole tiles everywhere, but 48 float32 numbers of each
    # row of a batch would leave the first-level cache; and where one block is whole tiles already, more gain nothing
    in_ticket: int  # a ticket has a multiple of so many blocks,
    most_blocks: int  # at most so many: they meet the same columns of delta while the first-level cache has these,
    tickets: int = 12  # and more than the least only where so many tickets remain;
    fewest_blocks: int = 8  # in a layer of fewer blocks, one
    copied_blocks: int = 16  # blocks of a layer,
    copied_panels: int = 4  # and panels, from which on an update reads a copy of delta

    # Rows of a batch
    chunk: int = 144  # rows that one ticket has at most, so that their activations stay in the cache
    rounds: int = 4  # tickets of rows for each thread at least, in case a thread is kept waiting,
    heavy: int = 2**20  # but just one from so many bytes of weights on, as each ticket reads them all

    # Operations without tiles
    narrow: int = 4  # registers that a row has at most to lie in them altogether
    long_text: int = 12  # instructions of an operation, from which on a tile's rows take turns: with all of them under
    # way at once, most values would leave the registers
    chains: tuple[int, ...] = (4, 3, 2)  # sums side by side in a row of one, two or three registers, which hide latency

    # Prediction
    predicted_at_once: int = 64  # rows, so that their activations stay in the cache
    predicted_in_ticket: int = 512  # rows that a thread predicts before it draws its next ticket
    worth_packing: int = 32  # rows to predict, from which on packed weights pay
    long_prediction: int = 100_000  # rows that take longer to predict than Ctrl-C can wait
    made_dense: int = 1 << 20  # numbers of sparse data, made dense at once for prediction
    thin: float = 0.25  # of a sparse matrix's numbers are not 0: with more, tiles of dense rows take less time

    # Threads and time
    slice: float = 0.1  # seconds after which `run` returns
    trial: float = 0.00625  # seconds in which to find out how fast another number of threads is,
    least_steps: int = 4  # or so many steps, for at first another thread's caches are cold
    rarely: float = 20.0  # times as long as the last trial took, until the next
    cautious: float = 1e10  # operations a second that even a slow machine does: for the first slice's length
    spins: int = 300  # looks of a waiting thread at the board before it yields between them, as others may need it,
    yields: int = 300  # and so many more before it sleeps
    worth_sharing: float = 1e6  # operations in a step, below which threads would wait for each other most of the time

    @property
    def group(self) -> int:
        """Rows that kernels without tiles work on together, so that one need not wait for the other."""
        return self.rows // 2


# fmt: off
TABLE = {
    # 32 registers of 64 bytes: 24 for the tile
    ("avx512", "float32"): Tuning(rows=8, vectors=3, columns=8, sums=8, at_once=1, in_ticket=1, most_blocks=4),
    ("avx512", "float64"): Tuning(rows=8, vectors=3, columns=8, sums=8, at_once=1, in_ticket=3, most_blocks=6),
    # 16 registers of 32 bytes: 12 for the tile, as a logical vector takes two
    ("avx2", "float32"): Tuning(rows=6, vectors=1, columns=2, sums=4, at_once=1, in_ticket=1, most_blocks=4),
    ("avx2", "float64"): Tuning(rows=6, vectors=1, columns=2, sums=4, at_once=3, in_ticket=3, most_blocks=6),
    # 32 registers of 16 bytes: 16 for the tile, as a logical vector takes four
    ("neon", "float32"): Tuning(rows=4, vectors=1, columns=1, sums=4, at_once=1, in_ticket=1, most_blocks=4),
    ("neon", "float64"): Tuning(rows=4, vectors=1, columns=1, sums=4, at_once=1, in_ticket=3, most_blocks=6),
}
# fmt: on


def tuning_of(tiles: str, dtype: Any) -> Tuning:
    """The numbers for a target's `tiles` and a precision."""
    return TABLE[tiles, np.dtype(dtype).name]
