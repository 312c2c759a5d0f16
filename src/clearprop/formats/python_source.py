"""A network as a short Python script that rebuilds it with clearprop; and the pieces of such texts."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from clearprop._types import Array
from clearprop._versions import __version__
from clearprop.ensemble import Ensemble, Model, networks
from clearprop.errors import ConfigurationError
from clearprop.formats.exported import Exported, exported
from clearprop.formats.saved import SavedModel
from clearprop.initializers import Initializer
from clearprop.layers import Activation
from clearprop.model import Sequential


def to_python(model: Model | SavedModel, *, link: str | None = None) -> str:
    """The text of a short Python script that builds the same network with clearprop, weights included.

    A network's script defines ``model`` and ``predict(X)``.  A saved model's defines ``saved``, which `clearprop.save`
    or `clearprop.judge.answers` take; run as ``python script.py FILE.csv``, it prints the file's answers.

    Raises
    ------
    ConfigurationError
        The network has no parameters, or a layer or activation that another program could not import.

    >>> from clearprop import MLP
    >>> namespace = {"__name__": "rebuilt"}
    >>> exec(to_python(MLP([2, 3, 1], seed=7)), namespace)
    >>> namespace["model"]
    Sequential([Dense(3, init='he_normal'), Activation('relu'), Dense(1)], n_in=2, seed=7)
    """
    what = exported(model, link)
    imports: dict[str, set[str]] = {"clearprop": {"Sequential"}}
    for network in networks(what.model):
        for module, names in _imports(network).items():
            imports.setdefault(module, set()).update(names)
    if isinstance(what.model, Ensemble):
        imports["clearprop"].add("Ensemble")
        built = "".join(f"{_built(network)}members.append(model)\n" for network in what.model)
        build = f"members = []\n{built}model = Ensemble(members)\n"
    else:
        build = _built(what.model)
    if what.preparation is None:
        imports["clearprop"].add("predict as predictions_of")
        use = function_text(
            "predict(X)", "The predictions for an array X.", f"return predictions_of(model, X, link={what.link!r})"
        )
    else:
        plan = what.preparation
        imports["clearprop"] |= {"Preparation", "read_table"}
        imports["clearprop.formats"] = {"SavedModel"}
        imports["clearprop.data.columns"] = {type(column).__name__ for column in plan.columns}
        imports["clearprop.judge.answers"] = {"answer_table", "predictions_for"}
        imports["clearprop.formats.tables"] = {"csv_text"}
        columns = "".join(f"        {column!r},\n" for column in plan.columns)
        given = {f.name: getattr(plan, f.name) for f in fields(plan) if getattr(plan, f.name) != f.default}
        del given["columns"]
        if "target_style" in given:
            imports["clearprop.data.numbers"] = {"NumberStyle"}
        rest = "".join(f"    {name}={value!r},\n" for name, value in given.items())
        use = (
            f"preparation = Preparation(\n    columns=(\n{columns}    ),\n{rest})\n"
            f"saved = SavedModel(model, preparation, {what.link!r})\n\n"
            'if __name__ == "__main__":\n'
            "    answers = answer_table(saved, predictions_for(saved, read_table(sys.argv[1])))\n"
            '    print(*csv_text(answers), sep="", end="")'
        )
    head = head_text(what)
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items()) if names]
    own = dict.fromkeys(one for network in networks(what.model) for one in _own_activations(network))
    lines += [f"import {module}  # registers {name!r}" for name, module in own]
    top = "" if what.preparation is None else "import sys\n\n"
    return f"{head}\n\n{top}" + "\n".join(lines) + f"\n\n{build}\n{use}\n"


def _built(network: Sequential) -> str:
    """The statements that make `model`, with its weights."""
    config = network.config()  # refuses what has no name to be found by
    layers = "".join(f"        {layer!r},\n" for layer in network.layers)
    options = "".join(f"    {name}={config[name]!r},\n" for name in ("n_in", "seed", "dtype"))
    weights = "".join(f'weights["{name}"][...] = {numbers_text(v)}\n' for name, v in network.parameters().items())
    buffers = "".join(
        f'buffers[{i}]["{name}"][...] = {numbers_text(value)}\n'
        for i, views in enumerate(network.buffer_views(network.buffers))
        for name, value in views.items()
    )
    if buffers:
        buffers = f"buffers = model.buffer_views(model.buffers)\n{buffers}"
    return f"model = Sequential(\n    [\n{layers}    ],\n{options})\nweights = model.parameters()\n{weights}{buffers}"


def _imports(network: Sequential) -> dict[str, set[str]]:
    """Module -> names, for the network's layers and initialisers."""
    imports: dict[str, set[str]] = {}
    for layer in network.layers:
        for value in (layer, *(value for value in layer.config().values() if isinstance(value, Initializer))):
            imports.setdefault(_module_of(type(value), repr(layer)), set()).add(type(value).__name__)
    return imports


def _own_activations(network: Sequential) -> list[tuple[str, str]]:
    """Names and modules of activations that clearprop does not bring."""
    used = {layer.op.name: layer.op for layer in network.layers if isinstance(layer, Activation)}
    modules = [(name, _module_of(op.__wrapped__, repr(name))) for name, op in used.items()]
    return [(name, module) for name, module in modules if module != "clearprop"]


def _module_of(definition: Any, what: str) -> str:
    module: str = definition.__module__
    if module == "__main__":
        raise ConfigurationError(f"{what} is defined in the running program; move it to a file that can be imported")
    return "clearprop" if module.split(".")[0] == "clearprop" else module


# --- pieces of text ---------------------------------------------------------------------------------------------------


def head_text(what: Exported) -> str:
    """What the text is, its first line."""
    n_in, n_out = what.model.n_in, what.model.n_out
    return f'"""A neural network of {n_in} inputs and {n_out} outputs, written by clearprop {__version__}."""'


def function_text(head: str, doc: str, *lines: str) -> str:
    """A function's source."""
    return "\n    ".join([f"def {head}:", f'"""{doc}"""', *lines])


def listed_text(values: Sequence[Any]) -> str:
    """A list as Python text."""
    return _bracketed([repr(value) for value in values])


def numbers_text(array: Array, indent: int = 0) -> str:
    """The values as nested lists, each with as many digits as give it back."""
    if array.ndim == 1:
        return _bracketed([str(value) for value in array], indent)
    margin = " " * indent
    rows = [numbers_text(row, indent + 4) for row in array]
    return "".join(["[\n", *(f"{margin}    {row},\n" for row in rows), f"{margin}]"])


def _bracketed(items: list[str], indent: int = 0) -> str:
    """[a, b, ...], broken into lines if long."""
    lines, margin = [""], " " * indent
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) > 100:
            lines.append("")
        lines[-1] += f"{item}, "
    if len(lines) == 1:
        return f"[{lines[0][:-2]}]"
    return "".join(["[\n", *(f"{margin}    {line[:-1]}\n" for line in lines), f"{margin}]"])
