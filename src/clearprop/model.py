"""A model: layers one after the other, and one flat vector that holds all their parameters.

Because the parameters are one vector, an optimiser step is one line, and saving, restoring the best weights, checking
gradients and handing the problem to L-BFGS need to know nothing about layers.  In the vector, parameters that training
treats alike lie side by side: each such run is a `Segment`.
"""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop._types import Array, Value
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.initializers import Initializer, decode_initializer, encode_initializer
from clearprop.layers import LAYERS, Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from clearprop.layers.base import Context, Parameters
from clearprop.ops import Op, as_activation
from clearprop.randomness import WEIGHTS, Key, generator
from clearprop.tape import differentiable


@dataclass(frozen=True)
class Segment:
    """A slice of the flat vector that training treats in one way."""

    start: int
    stop: int
    trainable: bool
    decays: bool
    learning_rate_factor: float

    @property
    def slice(self) -> slice:
        return slice(self.start, self.stop)

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class _Place:
    """Where a parameter lies in the flat vector."""

    layer: int
    name: str
    shape: tuple[int, ...]
    start: int

    def view(self, vector: Array) -> Array:
        return vector[self.start : self.start + math.prod(self.shape)].reshape(self.shape)


def _places(shapes: Sequence[Mapping[str, tuple[int, ...]]], order: Sequence[tuple[int, str]]) -> list[_Place]:
    places, start = [], 0
    for layer, name in order:
        places.append(_Place(layer, name, shapes[layer][name], start))
        start += math.prod(shapes[layer][name])
    return places


class Sequential:
    """y = f_L(... f_2(f_1(x))): layers one after the other.

    Parameters
    ----------
    layers : sequence of Layer
    n_in : int, optional
        Number of inputs.  Without it the model is built when it first meets data.
    seed : int
        Of the initial weights.
    dtype : {"float64", "float32"}

    Attributes
    ----------
    w : array of shape (n_parameters,)
        All parameters.  Assign to its elements, not to the attribute.
    buffers : array
        What layers keep beside parameters (running statistics), one flat vector.
    segments : list of Segment

    >>> model = Sequential([Dense(3), Activation("tanh"), Dense(1)], n_in=2)
    >>> model
    Sequential([Dense(3), Activation('tanh'), Dense(1)], n_in=2)
    >>> model.n_parameters
    13
    """

    def __init__(
        self, layers: Sequence[Layer], n_in: int | None = None, *, seed: int = 0, dtype: Any = "float64"
    ) -> None:
        self.layers = tuple(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise ConfigurationError(f"a model is made of layers, not {layer!r}")
        if not self.layers:
            raise ConfigurationError("a model needs at least one layer")
        if np.dtype(dtype) not in (np.float64, np.float32):
            raise ConfigurationError(f"dtype is 'float64' or 'float32', not {dtype!r}")
        self.dtype, self.seed = np.dtype(dtype), seed
        self.n_in: int | None = None
        if n_in is not None:
            self.build(n_in)

    # --- geometry -----------------------------------------------------------------------------------------------------

    def build(self, n_in: int) -> "Sequential":
        """Lay out and initialise the parameters for `n_in` inputs; returns the model."""
        if isinstance(n_in, bool) or not isinstance(n_in, int | np.integer) or n_in < 1:
            raise ConfigurationError(f"n_in is a whole number of inputs, 1 or more, not {n_in!r}")
        self.n_in, width = int(n_in), int(n_in)
        self.widths, shapes, buffers, initial = [width], [], [], []
        rng = generator(self.seed, WEIGHTS)
        for layer in self.layers:
            initial.append(layer.initial_parameters(width, rng))
            buffers.append(layer.initial_buffers(width))
            width, shape = layer.build(width)
            shapes.append(shape)
            self.widths.append(width)

        def treatment(place: tuple[int, str]) -> tuple[bool, bool, float]:
            layer, name = self.layers[place[0]], place[1]
            return name in layer.trainable, name in layer.decays, layer.learning_rate_factor

        kinds: dict[tuple[bool, bool, float], list[tuple[int, str]]] = {}  # in order of appearance
        for named in ((i, name) for i, shape in enumerate(shapes) for name in shape):
            kinds.setdefault(treatment(named), []).append(named)
        order = [named for kind in kinds.values() for named in kind]
        self._parameter_places = _places(shapes, order)
        self.segments: list[Segment] = []
        for place in self._parameter_places:
            kind, stop = treatment((place.layer, place.name)), place.start + math.prod(place.shape)
            last = self.segments[-1] if self.segments else None
            if last and (last.trainable, last.decays, last.learning_rate_factor) == kind:
                self.segments[-1] = Segment(last.start, stop, *kind)
            else:
                self.segments.append(Segment(place.start, stop, *kind))

        self.w = np.empty(sum(math.prod(p.shape) for p in self._parameter_places), self.dtype)
        for place in self._parameter_places:
            place.view(self.w)[...] = initial[place.layer][place.name]
        buffer_shapes = [{name: value.shape for name, value in layer.items()} for layer in buffers]
        self._buffer_places = _places(buffer_shapes, [(i, n) for i, layer in enumerate(buffers) for n in layer])
        self.buffers = np.empty(sum(math.prod(p.shape) for p in self._buffer_places), self.dtype)
        for place in self._buffer_places:
            place.view(self.buffers)[...] = buffers[place.layer][place.name]
        return self

    @property
    def built(self) -> bool:
        """Whether the number of inputs is known and the parameters exist."""
        return self.n_in is not None

    @property
    def least_rows(self) -> int:
        """The fewest rows that a batch for training has."""
        return max(layer.least_rows for layer in self.layers)

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        self._needs_build()
        return self.widths[-1]

    @property
    def n_parameters(self) -> int:
        """Number of parameters, frozen ones included."""
        self._needs_build()
        return len(self.w)

    def _needs_build(self) -> None:
        if not self.built:
            raise ConfigurationError("the model has no parameters yet; call model.build(n_in), or fit it to data")

    def parameter_views(self, vector: Array) -> list[dict[str, Array]]:
        """For each layer, its parameters by name, as views into a vector laid out like `w`."""
        return self._views(self._parameter_places, vector)

    def buffer_views(self, vector: Array) -> list[dict[str, Array]]:
        """For each layer, its buffers by name, as views into a vector laid out like `buffers`."""
        return self._views(self._buffer_places, vector)

    def _views(self, places: Sequence[_Place], vector: Array) -> list[dict[str, Array]]:
        self._needs_build()
        views: list[dict[str, Array]] = [{} for _ in self.layers]
        for place in places:
            views[place.layer][place.name] = place.view(vector)
        return views

    def parameters(self, vector: Array | None = None) -> dict[str, Array]:
        """Parameters by name ("0.weight", "0.bias", "2.weight", ...), as views into `w` (or into `vector`)."""
        self._needs_build()
        views = self.parameter_views(self.w if vector is None else vector)
        return {f"{i}.{name}": view for i, layer in enumerate(views) for name, view in layer.items()}

    def by_layer(self, named: Mapping[str, Value]) -> list[dict[str, Value]]:
        """Values under the names of `parameters()`, arranged as `forward` takes them: by layer, then by name.

        So a tape differentiates a model:

        >>> from clearprop.tape import GradientTape
        >>> model = MLP([2, 3, 1])
        >>> with GradientTape() as tape:
        ...     w = {name: tape.watch(value) for name, value in model.parameters().items()}
        ...     y, _, _ = model.forward(np.ones((4, 2)), model.by_layer(w))
        ...     loss = np.mean(y * y)
        >>> tape.gradient(loss, w)["0.weight"].shape
        (2, 3)
        """
        layers: list[dict[str, Value]] = [{} for _ in self.layers]
        for name, value in named.items():
            layer, _, parameter = name.partition(".")
            layers[int(layer)][parameter] = value
        return layers

    def walk(
        self,
        parameters: Sequence[Parameters] | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
        buffers: Sequence[Parameters] | None = None,
    ) -> Iterator[tuple[Layer, Parameters, Context]]:
        """Each layer with what its `forward` takes besides its input; the arguments are those of `forward`.

        >>> y = np.ones((1, 2))
        >>> for layer, parameters, run in MLP([2, 3, 1], "tanh").walk():
        ...     y, cache, buffers = layer.forward(y, parameters, run)
        ...     print(layer, y.shape)
        Dense(3) (1, 3)
        Activation('tanh') (1, 3)
        Dense(1) (1, 1)
        """
        self._needs_build()
        parameters = self.parameter_views(self.w) if parameters is None else parameters
        buffers = self.buffer_views(self.buffers) if buffers is None else buffers
        for i, layer in enumerate(self.layers):
            of_layer = Key(key.seed, key.epoch, key.row, i) if key else None
            yield layer, parameters[i], Context(training, of_layer, buffers[i])

    def walk_back(
        self, caches: Sequence[Any], grads: Sequence[Mapping[str, Array]]
    ) -> Iterator[tuple[int, Layer, Any, Mapping[str, Array]]]:
        """From the last layer to the first: its number, itself, and what its `backward` takes besides dy."""
        for i in reversed(range(len(self.layers))):
            yield i, self.layers[i], caches[i], grads[i]

    # --- calculation --------------------------------------------------------------------------------------------------

    def forward(
        self,
        x: Value,
        parameters: Sequence[Parameters] | None = None,
        *,
        training: bool = False,
        key: Key | None = None,
        buffers: Sequence[Parameters] | None = None,
    ) -> tuple[Value, list[Any], list[Parameters]]:
        """y of shape (n, n_out), the caches for `backward`, and the new buffers.

        Parameters
        ----------
        x : array of shape (n, n_in)
        parameters, buffers : for each layer by name, optional
            Default: views into `w` and `buffers`.  Tensors are recorded by open tapes.
        training : bool
            Whether dropout drops and batch normalisation uses the batch's statistics.
        key : Key, optional
            Where in the run this batch belongs, for dropout.

        Raises
        ------
        ShapeError
            x does not have n_in columns.
        """
        self._needs_build()
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ShapeError(f"the model expects an array of shape (n, {self.n_in}), not {tuple(x.shape)}")
        caches, new_buffers = [], []
        for layer, own, run in self.walk(parameters, training=training, key=key, buffers=buffers):
            x, cache, kept = layer.forward(x, own, run)
            caches.append(cache)
            new_buffers.append(kept)
        return x, caches, new_buffers

    def backward(self, dy: Value, caches: Sequence[Any], g: Array) -> Value:
        """dx of shape (n, n_in); writes the gradient of all parameters into `g`, a vector like `w`."""
        return self.backward_into(dy, caches, self.parameter_views(g))

    def backward_into(self, dy: Value, caches: Sequence[Any], grads: Sequence[Mapping[str, Array]]) -> Value:
        """As `backward`, with the views into g made beforehand."""
        for _, layer, cache, grad in self.walk_back(caches, grads):
            dy = layer.backward(dy, cache, grad)
        return dy

    # --- description --------------------------------------------------------------------------------------------------

    def config(self) -> dict[str, Any]:
        """Plain values from which `model_from_config` makes the same architecture; weights are not part of it."""
        return {
            "layers": [{"layer": type(layer).__name__, **_encode(layer)} for layer in self.layers],
            "n_in": self.n_in,
            "seed": self.seed,
            "dtype": self.dtype.name,
        }

    def _options(self) -> str:
        seed = f", seed={self.seed}" if self.seed else ""
        return seed + (f", dtype={self.dtype.name!r}" if self.dtype != np.float64 else "")

    def __repr__(self) -> str:
        n_in = f", n_in={self.n_in}" if self.built else ""
        return f"Sequential([{', '.join(map(repr, self.layers))}]{n_in}{self._options()})"

    def summary(self) -> str:
        """A table of layers, output widths and parameters.

        >>> print(MLP([2, 3, 1], activation="tanh").summary())
        layer               outputs  parameters
        Dense(3)                  3           9
        Activation('tanh')        3           0
        Dense(1)                  1           4
        13 parameters, all trainable, float64
        """
        self._needs_build()
        views = self.parameter_views(self.w)
        rows = [
            (_cut(repr(layer)), self.widths[i + 1], sum(v.size for v in views[i].values()))
            for i, layer in enumerate(self.layers)
        ]
        left = max(len("layer"), *(len(row[0]) for row in rows))
        lines = [f"{'layer':<{left}}  outputs  parameters"]
        lines += [f"{name:<{left}}  {outputs:>7}  {count:>10}" for name, outputs, count in rows]
        trainable = sum(len(s) for s in self.segments if s.trainable)
        frozen = "all trainable" if trainable == len(self.w) else f"{trainable} of them trainable"
        return "\n".join([*lines, f"{len(self.w)} parameters, {frozen}, {self.dtype.name}"])


def _cut(text: str, longest: int = 100) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


class MLP(Sequential):
    """A multi-layer perceptron: Dense layers with an activation after each but the last.

    Parameters
    ----------
    widths : sequence of int
        Inputs, hidden layers, outputs: ``[2, 16, 16, 1]``.
    activation : str, Op, a plain NumPy function, or a sequence of one per hidden layer
    output_activation : str, Op or a plain NumPy function, optional
        After the last layer.  Losses work on logits, so the usual choice is none.
    init : str or Initializer, optional
        Of the weights; default "he_normal" before ReLU and its relatives, "lecun_normal" before SELU, else
        "glorot_uniform".
    bias_init : str or Initializer
    use_bias : bool
    trainable : sequence of str
        ("weight",) freezes the biases.
    dropout : float
        Rate of a Dropout after each hidden activation.
    normalization : {None, "batch", "layer"}
        BatchNorm or LayerNorm before each hidden activation.
    seed, dtype
        As for `Sequential`.

    >>> MLP([2, 16, 1], activation="tanh")
    MLP([2, 16, 1], activation='tanh')
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: "str | Op | Callable[[Value], Value] | Sequence[str | Op | Callable[[Value], Value]]" = "relu",
        *,
        output_activation: "str | Op | Callable[[Value], Value] | None" = None,
        init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        use_bias: bool = True,
        trainable: Sequence[str] = ("weight", "bias"),
        dropout: float = 0.0,
        normalization: str | None = None,
        seed: int = 0,
        dtype: Any = "float64",
    ) -> None:
        if len(widths) < 2:
            raise ConfigurationError(f"an MLP needs at least an input and an output width, not {list(widths)}")
        if normalization not in (None, "batch", "layer"):
            raise ConfigurationError(f"normalization is None, 'batch' or 'layer', not {normalization!r}")
        hidden = len(widths) - 2
        chosen = list(activation) if isinstance(activation, list | tuple) else [activation] * hidden
        activations = [_named_or_op(one) for one in chosen]
        output_activation = None if output_activation is None else _named_or_op(output_activation)
        if len(activations) != hidden:
            raise ConfigurationError(
                f"{len(activations)} activations for {hidden} hidden layers; give one, or one for each"
            )
        self._shown = {
            "activation": activation,
            "output_activation": output_activation,
            "init": init,
            "bias_init": bias_init,
            "use_bias": use_bias,
            "trainable": tuple(trainable),
            "dropout": dropout,
            "normalization": normalization,
        }
        layers: list[Layer] = []
        for i, units in enumerate(widths[1:]):
            last = i == hidden
            following = output_activation if last else activations[i]
            layers.append(Dense(units, use_bias, init or default_init(following), bias_init, trainable))
            if normalization and not last:
                layers.append(BatchNorm() if normalization == "batch" else LayerNorm())
            if following is not None:
                layers.append(Activation(following))
            if dropout and not last:
                layers.append(Dropout(dropout))
        super().__init__(layers, widths[0], seed=seed, dtype=dtype)

    def __repr__(self) -> str:
        dense = [layer.units for layer in self.layers if isinstance(layer, Dense)]
        defaults = inspect.signature(MLP).parameters
        shown = "".join(f", {k}={v!r}" for k, v in self._shown.items() if v != defaults[k].default)
        return f"MLP({[self.n_in, *dense]}{shown}{self._options()})"


def _named_or_op(activation: Any) -> "str | Op":
    """A plain function as an operation, one for each function, so that layers share it."""
    if isinstance(activation, str | Op):
        return activation
    if callable(activation) and not isinstance(activation, type):
        return differentiable(activation)
    raise ConfigurationError(
        f"activation is a name, an operation, a function of an array, or a list with one for each hidden layer, not "
        f"{activation!r}; for none, pass 'identity'"
    )


def default_init(activation: "str | Op | None") -> str:
    """The initialiser suited to the activation that follows."""
    return as_activation("identity" if activation is None else activation, {}).init


def _encode(layer: Layer) -> dict[str, Any]:
    if LAYERS[type(layer).__name__] is not type(layer):
        raise ConfigurationError(f"{layer!r} cannot be saved: another layer is registered under its name")
    encoded: dict[str, Any] = {}
    for name, value in layer.config().items():
        if isinstance(value, Op):
            raise ConfigurationError(f"{layer!r} cannot be saved: {value.name!r} is not a registered activation")
        encoded[name] = encode_initializer(value) if isinstance(value, Initializer) else value
        if isinstance(value, tuple):
            encoded[name] = list(value)
    return encoded


def model_from_config(config: Mapping[str, Any]) -> Sequential:
    """The architecture that `Sequential.config` described, with initial weights.

    >>> model_from_config(MLP([2, 3, 1]).config())
    Sequential([Dense(3, init='he_normal'), Activation('relu'), Dense(1)], n_in=2)
    """
    layers = []
    for description in config["layers"]:
        arguments = dict(description)
        layer = LAYERS[arguments.pop("layer")]
        for name, value in arguments.items():
            if isinstance(value, dict):
                arguments[name] = decode_initializer(value)
        layers.append(layer(**arguments))
    return Sequential(layers, config["n_in"], seed=config["seed"], dtype=config["dtype"])
