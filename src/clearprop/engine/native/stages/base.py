"""What a stage is: a step of the network, and all that is written for it.

A *stage* is a dense layer with the elementwise activation after it, or another operation by itself.  Stage s reads
``act[s]`` and writes ``act[s + 1]``; back-propagation reads ``delta[s + 1]`` and writes ``delta[s]``.

A new kind of layer needs one file beside this: a class of stages, and the function in `STAGES` that makes them.  One
that is an operation of rows and parameters (`OpLayer`) needs none.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from clearprop._types import Array
from clearprop.engine.native import kernels as k
from clearprop.engine.native.tuning import Tuning
from clearprop.engine.native.values import Function, Int, Pointer, Sparse, View, padded
from clearprop.layers import Layer, OpLayer
from clearprop.ops import ACTIVATIONS, Op

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step

IDENTITY = ACTIVATIONS["identity"]


class ByRows(NamedTuple):
    """Work that is divided by rows: ``write(step, batch, first row, rows)``."""

    write: "Callable[[Step, Batch, Any, Any], None]"


class ByColumns(NamedTuple):
    """Work that is divided by columns: ``write(step, batch, register)``, when all rows have come so far."""

    columns: int
    write: "Callable[[Step, Batch, Int], None]"


class Buffers(NamedTuple):
    """Shapes of a stage's own memory, for a batch of so many rows."""

    beside: tuple[int, int] = (1, 1)  # what its operation takes besides input and parameters: a mask
    shares: tuple[int, int] = (0, 1)  # of its parameters' gradients, or other sums
    copies: tuple[int, int] = (1, 1)  # of the gradients of its outputs


class Piece(NamedTuple):
    """A part of a stage's parameters: `rows` of `columns`; a vector, or so many blocks of a matrix."""

    w: View
    rows: Any
    columns: Any
    how: k.Update
    v: int  # number of the parameter
    blocks: Int | None


@dataclass
class Prediction:
    """What the functions that write a prediction have in common."""

    f: Function
    layout: "Layout"
    w: Pointer
    act: list[View]
    X: Sparse
    first: Int  # of these rows
    rows: int


@dataclass(frozen=True)
class Stage(ABC):
    """A step of the network.

    Attributes
    ----------
    number : int
        Its place among the stages.
    layer : int
        Number of its (first) layer.
    n, m : int
        Widths of input and output.
    op : Op
        Of a dense stage the activation, else the operation itself.
    parameters : tuple of str
        Names of the layer's parameters, in the operation's order.
    """

    number: int
    layer: int
    n: int
    m: int
    op: Op
    parameters: tuple[str, ...] = ()

    gathers: ClassVar[bool] = True  # whether as the first stage it reads rows gathered in `act`
    padded_input: ClassVar[bool] = True  # whether it reads whole vectors of a row
    averages: ClassVar[tuple[str, ...]] = ()  # names of what the layer keeps of the batches it saw

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def activation(self) -> Op:
        """What is fused with the stage's output, so that its vjp falls to whoever computes the output's gradient."""
        return IDENTITY

    @property
    def products(self) -> int:
        """Multiplications that a row takes."""
        return 0

    @property
    def in_place(self) -> bool:
        """Whether it can read its parameters where the model has them."""
        return not self.parameters

    def fused(self, layer: Layer) -> "Stage | None":
        """The stage with the layer that follows in it, if it can do both at once."""
        return None

    def for_prediction(self, layer: Layer) -> "Stage | None":
        """What it does in prediction; None if nothing."""
        return self

    def skipping_zeros(self) -> "Stage | None":
        """The same as a first stage that reads sparse rows; None if it cannot."""
        return None

    # --- memory -------------------------------------------------------------------------------------------------------

    def size(self, parameter: str, lanes: int) -> int:
        """Numbers that a parameter takes, padded."""
        return padded(self.m, lanes)

    def place(self, layout: "Layout") -> Any:
        """What else has to be known of where things lie; it may ask for more."""
        return None

    def parts(self, layout: "Layout", name: str, flat: Array, packed: Array) -> list[tuple[Array, Array]]:
        """Where a parameter lies in `packed`: pairs of views of the parameter itself and of its place there."""
        start = layout.starts[self.number][name]
        return [(flat, packed[start : start + self.m])]

    def transposed_parts(self, layout: "Layout", name: str, flat: Array, area: Array) -> list[tuple[Array, Array]]:
        """The same for the transposed copy of a parameter, if there is one."""
        return []

    def buffers(self, layout: "Layout", rows: int) -> Buffers:
        return Buffers(shares=(0, layout.ld[self.number]))

    # --- a step of training on a batch --------------------------------------------------------------------------------

    def forward_work(self) -> "list[ByRows | ByColumns]":
        """What writes act[s + 1], in this order."""
        return [ByRows(self.write_forward)]

    def backward_work(self, goes_on: bool) -> "list[ByRows | ByColumns]":
        """What writes delta[s] if back-propagation `goes_on` below, and whatever the update needs."""
        return [ByRows(self.write_backward)]

    @abstractmethod
    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        """act[s + 1] from act[s], for these rows."""

    @abstractmethod
    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        """delta[s] from delta[s + 1], for these rows, and their shares of the parameters' gradients."""

    def write_update(self, step: "Step", batch: "Batch", block: Int, blocks: Int) -> None:
        """The parameters: gradient over the whole batch, and rule.  Here all are vectors, whose shares are summed."""
        for v, how in enumerate(step.net.updates[self.number]):
            if how:
                with step.f.each(padded(self.m, step.lanes) // step.lanes) as register:
                    share, count = self.share(step, batch, v)
                    c = register * step.lanes
                    k.update_vector(step.m, 1, how)(share + c, count, step.trained(self, v, batch) + c)

    def share(self, step: "Step", batch: "Batch", v: int) -> tuple[View, Int]:
        """Where the rows' shares of the gradient of parameter v lie, and how many there are."""
        return step.shares[self.number] + step.fields.rows * (step.layout.ld[self.number] * v), batch.count

    def blocks(self, lanes: int) -> int:
        """How many blocks the update consists of."""
        return 1

    def together(self, blocks: int, tuning: Tuning) -> int:
        """How many blocks are one ticket."""
        return 1

    def pieces(self, step: "Step", block: Int, blocks: Int) -> "Iterator[Piece]":
        """The blocks' parameters, piece by piece, for what is done with gradients that have been stored."""
        for v in range(len(self.parameters)):
            yield from self.vector_piece(step, block, v)

    def vector_piece(self, step: "Step", block: Int, v: int) -> "Iterator[Piece]":
        """A vector of parameters, which the first block has."""
        start, how = step.w + step.layout.starts[self.number][self.parameters[v]], step.net.updates[self.number][v]
        if how:
            with step.f.when(block.equals(0)):
                yield Piece(View(start, padded(self.m, step.lanes)), 1, self.m, how, v, None)

    def write_apply(self, step: "Step", batch: "Batch", block: Int, blocks: Int, factor: Pointer) -> None:
        """The rule, with the blocks' stored gradients times a factor."""
        for piece in self.pieces(step, block, blocks):
            step.apply(self, piece, batch, factor)

    # --- a step on one sample -----------------------------------------------------------------------------------------

    def write_sample_forward(self, step: "Step", batch: "Batch") -> None:
        self.write_forward(step, batch, 0, 1)

    def write_sample_backward(self, step: "Step", batch: "Batch") -> None:
        """Gradient and update."""
        self.write_backward(step, batch, 0, 1)
        self.write_update(step, batch, Int(step.f, "0"), Int(step.f, "1"))

    # --- prediction ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def write_predict(self, p: Prediction) -> None:
        """act[s + 1] from act[s]."""

    @abstractmethod
    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[View]) -> None:
        """The same for a single row, with parameters that start there in the model's own vector."""


At = tuple[int, int, int, int]
"""A stage's first four attributes: its number, its layer's, inputs and outputs."""
STAGES: dict[Any, Callable[[Any, At], Stage | None]] = {}
"""By kind of layer: what makes a stage of the layer, or None if it does nothing.

It raises NotImplementedError, in words, for a layer that there is no kernel for.
"""


def stage_of(layer: Layer, at: At) -> Stage | None:
    """The stage of a layer; None if it does nothing.

    A class derived from one in `STAGES` may compute something else, so it has no stage; a layer that is an operation
    has, if it is no more than that.

    Raises
    ------
    NotImplementedError
        There is no kernel for it, in words.
    """
    kind = type(layer)
    make = STAGES.get(kind)
    if make:
        return make(layer, at)
    if isinstance(layer, OpLayer) and kind.forward is OpLayer.forward and kind.backward is OpLayer.backward:
        return STAGES[OpLayer](layer, at)
    raise NotImplementedError(f"it has no kernel for {kind.__name__}")
