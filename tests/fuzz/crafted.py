"""Model files with a right digest that mean nothing or harm: what is wrong, where, and what is said about it.

Each row starts from a model file that is kept under tests/golden. Paths begin in the document; those of the file's
header begin with ``header``.
"""

import struct
from typing import Any, NamedTuple

from forged import DELETED


class Row(NamedTuple):
    """One file: its original with `changes`, and the words that the error must have."""

    what: str
    original: str
    changes: dict[str, Any]
    words: str


LAYERS = "architecture.layers"
DENSE, DENSE_1 = f"{LAYERS}.0", f"{LAYERS}.2"  # of iris and mixed
NORM, ACTIVATION, DROPOUT, LAYER_NORM = f"{LAYERS}.1", f"{LAYERS}.2", f"{LAYERS}.3", f"{LAYERS}.5"  # of normalised
PLAN = "preparation"
TYPE = "of the wrong type"
NONSENSE = "makes no sense"
FIT = "do not fit together"


def iris(what: str, path: str, value: Any, words: str) -> Row:
    return Row(what, "iris", {path: value}, words)


def normalised(what: str, path: str, value: Any, words: str) -> Row:
    return Row(what, "normalised", {path: value}, words)


def mixed(what: str, path: str, value: Any, words: str) -> Row:
    return Row(what, "mixed", {path: value}, words)


def without(path: str, words: str, original: str = "iris") -> Row:
    return Row(f"no {path}", original, {path: DELETED}, words)


def numbers(count: int, value: float, dtype: str = "<d") -> bytes:
    return struct.pack(dtype, value) * count


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def at(place: int, value: float, dtype: str = "<d") -> Any:
    """The data with another number."""
    size = struct.calcsize(dtype)
    return lambda data: data[: place * size] + struct.pack(dtype, value) + data[(place + 1) * size :]


ENVELOPE = [
    iris("a newer format", "format", 2, "format 2, written by clearprop 0.1.0; this version reads format 1; upgrade"),
    iris("a format far ahead", "format", 999_999, "format 999999"),
    iris("a format beyond all bounds", "format", 10**30, "incomplete"),
    iris("format 0", "format", 0, "incomplete"),
    iris("a negative format", "format", -1, "incomplete"),
    iris("a format that is true", "format", True, "incomplete"),
    iris("a format that is text", "format", "1", "incomplete"),
    iris("a format with a fraction", "format", 1.0, "incomplete"),
    iris("no format at all", "format", None, "incomplete"),
    Row("a newer writer with a name of 999 letters", "iris",
        {"format": 2, "versions.clearprop": "9" * 999}, "written by clearprop a newer version"),
    Row("a newer writer that is a list", "iris", {"format": 2, "versions.clearprop": [1]}, "incomplete"),
    iris("a checkpoint", "kind", "checkpoint", "this is a checkpoint, not a model file"),
    iris("a kind that does not exist", "kind", "../../etc/passwd", "file of another kind, not a model file"),
    iris("a kind that is a list", "kind", ["model file"], "file of another kind"),
    iris("versions that are a list", "versions", [], "incomplete"),
    iris("versions that are text", "versions", "0.1.0", "incomplete"),
    iris("a version that is a number", "versions.numpy", 2.4, "incomplete"),
    iris("a version within a version", "versions.numpy", {"a": "b"}, "incomplete"),
    iris("an entry too many", "trailer", 1, "incomplete"),
    iris("an entry that names a class", "__class__", "os.system", "incomplete"),
    iris("an entry that asks for code", "loader", "builtins.eval", "incomplete"),
    *(without(name, "incomplete") for name in ("format", "link", "preparation", "architecture", "versions")),
    without("sha256", "incomplete"),
    iris("a second digest, before the first", "architecture.sha256", "0" * 64, "digest is unreadable"),
    iris("a digest that is a number", "sha256", 7, "digest is unreadable"),
    iris("a digest that is nothing", "sha256", None, "digest is unreadable"),
    *(iris(f"the link {link!r}", "link", link, "its link is none that there is")
      for link in ("os.system", "tanh", "", None, 0, True, [], ["softmax"], {"softmax": 1}, "Softmax", "soft\0max")),
]  # fmt: skip

TEXT = [
    iris("a blank after a comma", "text", lambda t: t.replace(",", ", ", 1), "unreadable"),
    iris("a line break at the end", "text", lambda t: t + "\n", "unreadable"),
    iris("keys in another order", "text", lambda t: t.replace('"dtype":"float64",', "", 1).replace(
        '"n_in":4', '"n_in":4,"dtype":"float64"', 1), "unreadable"),
    iris("a key twice", "text", lambda t: t.replace('"format":1', '"format":1,"format":1', 1), "unreadable"),
    iris("a key twice, deep within", "text", lambda t: t.replace('"units":8', '"units":8,"units":8', 1), "unreadable"),
    iris("a letter escaped without need", "text", lambda t: t.replace('"link"', '"\\u006cink"', 1), "unreadable"),
    iris("a letter that is not escaped", "text", lambda t: t.replace("setosa", "sétosa", 1), "not a model file that"),
    iris("NaN", "text", lambda t: t.replace('"seed":1', '"seed":NaN', 1), "unreadable"),
    iris("Infinity", "text", lambda t: t.replace('"seed":1', '"seed":Infinity', 1), "unreadable"),
    iris("-Infinity", "text", lambda t: t.replace('"seed":1', '"seed":-Infinity', 1), "unreadable"),
    iris("1e999", "text", lambda t: t.replace('"seed":1', '"seed":1e999', 1), "unreadable"),
    iris("a number written otherwise", "text", lambda t: t.replace("1.0,", "1.00,", 1), "unreadable"),
    iris("a whole number with a plus", "text", lambda t: t.replace('"seed":1', '"seed":+1', 1), "unreadable"),
    iris("a number of 10,000 digits", "text", lambda t: t.replace('"seed":1', '"seed":' + "7" * 10_000, 1),
         "unreadable"),
    iris("a comment", "text", lambda t: t + "/* */", "unreadable"),
    iris("two documents", "text", lambda t: t + t, "unreadable"),
    iris("half a document", "text", lambda t: t[: len(t) // 2], "unreadable"),
    iris("no document", "text", "", "unreadable"),
    iris("a document that is a number", "text", "1", "incomplete"),
    iris("a document that is a list", "text", "[]", "incomplete"),
    iris("a document that is nothing", "text", "null", "incomplete"),
    iris("a document nested 50,000 deep", "text", "[" * 50_000 + "]" * 50_000, "unreadable"),
    iris("a document nested 500 deep", "text", "[" * 500 + "]" * 500, "unreadable"),
    iris("an entry nested 20 deep", "link", nested(20), "unreadable"),
    iris("a million empty lists", "text", "[" + "[]," * 1_000_000 + "[]]", "not a model file that clearprop wrote"),
    iris("half a character", "link", "\ud800", "unreadable"),
    iris("half a character in a class name", f"{PLAN}.class_names.0", "\udfff", "unreadable"),
    iris("17 MB of one word", "link", "x" * (17 << 20), "not a model file that clearprop wrote"),
]  # fmt: skip

HEADER = [
    iris("no tensor w", "header.w", DELETED, "take 0 bytes, but 536 follow"),
    iris("no tensor buffers", "header.buffers", DELETED, "exactly the tensors w and buffers"),
    iris("a tensor too many", "header.v", {"dtype": "F64", "shape": [0], "data_offsets": [536, 536]}, "called 'v'"),
    iris("a tensor that is called like a path", "header.~root/x",
         {"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}, "no tensor called"),
    iris("a type that does not exist", "header.w.dtype", "F65", "w has no known type"),
    iris("half precision", "header.w.dtype", "BF16", "w has no known type"),
    iris("bytes", "header.w.dtype", "U8", "w has no known type"),
    iris("objects", "header.w.dtype", "O", "w has no known type"),
    iris("a type that is a number", "header.w.dtype", 8, "w has no known type"),
    iris("a type that is a list", "header.w.dtype", ["F64"], "w has no known type"),
    Row("whole numbers for weights", "iris", {"header.w.dtype": "I64"}, "but the architecture needs float64"),
    Row("float32 for float64", "iris", {"header.w": {"dtype": "F32", "shape": [134], "data_offsets": [0, 536]}},
        "w is float32"),
    iris("no shape", "header.w.shape", DELETED, "no known type"),
    iris("no place", "header.w.data_offsets", DELETED, "no known type"),
    iris("an entry too many", "header.w.strides", [8], "no known type"),
    iris("an entry that is a list", "header.w", [], "no known type"),
    iris("an entry that is nothing", "header.w", None, "no known type"),
    iris("a shape that is a number", "header.w.shape", 67, "no list of whole numbers"),
    iris("a negative shape", "header.w.shape", [-67], "no list of whole numbers"),
    iris("two negative axes", "header.w.shape", [-67, -1], "no list of whole numbers"),
    iris("a shape with a fraction", "header.w.shape", [67.0], "no list of whole numbers"),
    iris("a shape of true", "header.w.shape", [67, True], "no list of whole numbers"),
    iris("a shape of text", "header.w.shape", ["67"], "no list of whole numbers"),
    iris("a shape beyond 64 bits", "header.w.shape", [2**64], "no list of whole numbers"),
    iris("a shape whose product wraps around", "header.w.shape", [2**32, 2**32], "longer or shorter"),
    iris("a shape whose bytes wrap around", "header.w.shape", [2**61 + 67], "longer or shorter"),
    iris("seventy axes", "header.w.shape", [67] + [1] * 69, "no list of whole numbers"),
    iris("two axes", "header.w.shape", [67, 1], "w is float64[67, 1]"),
    iris("no axis", "header.w.shape", [], "longer or shorter"),
    iris("a shape one too large", "header.w.shape", [68], "longer or shorter"),
    iris("a shape one too small", "header.w.shape", [66], "longer or shorter"),
    iris("a negative place", "header.w.data_offsets", [-8, 528], "no list of whole numbers"),
    iris("a place turned round", "header.w.data_offsets", [536, 0], "longer or shorter"),
    iris("a place with one number", "header.w.data_offsets", [0], "no list of whole numbers"),
    iris("a place with three numbers", "header.w.data_offsets", [0, 536, 536], "no list of whole numbers"),
    iris("a place of text", "header.w.data_offsets", ["0", "536"], "no list of whole numbers"),
    iris("a place beyond the file", "header.w.data_offsets", [536, 1072], "does not start where"),
    iris("a place far beyond the file", "header.w.data_offsets", [2**62, 2**62 + 536], "does not start where"),
    iris("a hole at the start", "header.w.data_offsets", [8, 544], "does not start where"),
    Row("a tensor of nothing in the middle of another", "iris", {"header.buffers.data_offsets": [264, 264]},
        "does not start where"),
    Row("tensors that overlap", "normalised", {"header.w.data_offsets": [88, 1072]}, "does not start where"),
    Row("tensors that lie over each other", "normalised",
        {"header.w": {"dtype": "F64", "shape": [12], "data_offsets": [0, 96]}}, "does not start where"),
    Row("a hole between tensors", "normalised",
        {"header.w.data_offsets": [104, 1088], "data": lambda data: data[:96] + bytes(8) + data[96:]},
        "does not start where"),
    Row("a tensor at an odd place", "iris",
        {"header.buffers": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
         "header.w.data_offsets": [4, 540], "data": lambda data: bytes(4) + data}, "does not start where"),
    iris("bytes after the last tensor", "data", lambda data: data + b"PK\3\4", "540 follow"),
    iris("one byte after the last tensor", "data", lambda data: data + b"\0", "537 follow"),
    iris("the last number missing", "data", lambda data: data[:-8], "528 follow"),
    iris("no numbers at all", "data", b"", "0 follow"),
    Row("10^12 numbers declared", "iris",
        {"header.w": {"dtype": "F64", "shape": [10**12], "data_offsets": [0, 8 * 10**12]}}, "but 536 follow"),
]  # fmt: skip

NUMBERS = [
    iris("NaN among the weights", "data", at(3, float("nan")), "w contains NaN or infinity"),
    iris("infinity at the end", "data", at(66, float("inf")), "w contains NaN or infinity"),
    iris("minus infinity at the start", "data", at(0, float("-inf")), "w contains NaN or infinity"),
    iris("nothing but NaN", "data", numbers(67, float("nan")), "w contains NaN or infinity"),
    Row("NaN in float32", "iris-float32", {"data": at(9, float("nan"), "<f")}, "w contains NaN or infinity"),
    normalised("NaN in a running mean", "data", at(2, float("nan")), "buffers contains NaN or infinity"),
    normalised("a variance below zero", "data", at(7, -1.0), "a variance below zero"),
    normalised("a variance a little below zero", "data", at(11, -1e-300), "a variance below zero"),
]

ARCHITECTURE = [
    *(without(f"architecture.{name}", "exactly the entries") for name in ("layers", "n_in", "seed", "dtype")),
    iris("an architecture that is text", "architecture", "keras.Sequential", "exactly the entries"),
    iris("an architecture that is nothing", "architecture", None, "exactly the entries"),
    iris("an architecture that is a list", "architecture", [], "exactly the entries"),
    iris("an entry too many", "architecture.custom_objects", {}, "exactly the entries"),
    iris("no layers", LAYERS, [], "a list of 1 to 1000"),
    iris("layers that are text", LAYERS, "Dense", "a list of 1 to 1000"),
    iris("layers that are an object", LAYERS, {"0": 1}, "a list of 1 to 1000"),
    iris("1,001 layers", LAYERS, [{"layer": "Activation", "activation": "relu"}] * 1001, "a list of 1 to 1000"),
    iris("a layer that is nothing", DENSE, None, NONSENSE),
    iris("a layer that is text", DENSE, "Dense", NONSENSE),
    iris("a layer that is a list", DENSE, [], NONSENSE),
    iris("a layer without a name", f"{DENSE}.layer", DELETED, NONSENSE),
    iris("a layer that does not exist", f"{DENSE}.layer", "Lambda", "no layer 'Lambda'"),
    iris("a layer that is a command", f"{DENSE}.layer", "os.system", "no layer 'os.system'"),
    iris("a layer that is a path of classes", f"{DENSE}.layer", "clearprop.layers.dense.Dense", "no layer"),
    iris("a layer that is a method", f"{DENSE}.layer", "__class__", "no layer '__class__'"),
    iris("a layer that is a web address", f"{DENSE}.layer", "https://example.org/x", "no layer"),
    iris("a layer of another case", f"{DENSE}.layer", "dense", "no layer 'dense'"),
    iris("a layer named by a number", f"{DENSE}.layer", 0, "no layer 0"),
    iris("a layer named by a list", f"{DENSE}.layer", ["Dense"], NONSENSE),
    iris("an argument that no layer has", f"{DENSE}.name", "x", "no parameter 'name'"),
    iris("an argument that asks for code", f"{DENSE}.regularizer", "lambda x: x", "no parameter 'regularizer'"),
    iris("no units", f"{DENSE}.units", DELETED, NONSENSE),
    *(iris(f"units {units!r:.20}", f"{DENSE}.units", units, "whole number of units")
      for units in (0, -3, 2.5, 8.0, "8", None, [8])),
    iris("units true", f"{DENSE}.units", True, TYPE),
    iris("units that are an object", f"{DENSE}.units", {"a": 1}, NONSENSE),
    iris("one unit too many", f"{DENSE}.units", 9, "w is float64[67], but the architecture needs float64[75]"),
    iris("10^12 units", f"{DENSE}.units", 10**12, "but the architecture needs float64[8000000000003]"),
    iris("10^40 units", f"{DENSE}.units", 10**40, "but the architecture needs"),
    iris("one input too many", "architecture.n_in", 5, "but the architecture needs float64[75]"),
    iris("10^15 inputs", "architecture.n_in", 10**15, "but the architecture needs"),
    *(iris(f"n_in {n_in!r}", "architecture.n_in", n_in, "needs a number of inputs")
      for n_in in (0, -4, 4.0, "4", None, True, [4])),
    *(iris(f"dtype {dtype!r}", "architecture.dtype", dtype, "dtype 'float32' or 'float64'")
      for dtype in ("float16", "object", "O", "f8", "<f8", "", None, 8, ["float64"])),
    iris("float32 for float64 weights", "architecture.dtype", "float32", "architecture needs float32[67]"),
    Row("float64 for float32 weights", "iris-float32", {"architecture.dtype": "float64"}, "needs float64[67]"),
    *(iris(f"seed {seed!r}", "architecture.seed", seed, "seed is a whole number")
      for seed in (-1, 2**64, 1.5, "1", None, True, [1])),
    iris("a bias that is text", f"{DENSE}.use_bias", "yes", TYPE),
    iris("a bias that is 1", f"{DENSE}.use_bias", 1, TYPE),
    iris("a bias that is nothing", f"{DENSE}.use_bias", None, TYPE),
    iris("no bias, but its numbers", f"{DENSE}.use_bias", False, "architecture needs float64[59]"),
    iris("trainable as text", f"{DENSE}.trainable", "weight", TYPE),
    iris("trainable with a number", f"{DENSE}.trainable", ["weight", 1], TYPE),
    iris("trainable that is nothing", f"{DENSE}.trainable", None, TYPE),
    iris("an unknown parameter to train", f"{DENSE}.trainable", ["kernel"], "no parameter 'kernel'"),
    iris("a learning rate factor that is text", f"{DENSE}.learning_rate_factor", "1", TYPE),
    iris("a learning rate factor that is true", f"{DENSE}.learning_rate_factor", True, TYPE),
    iris("a learning rate factor that is a list", f"{DENSE}.learning_rate_factor", [1.0], TYPE),
    iris("a learning rate factor that is nothing", f"{DENSE}.learning_rate_factor", None, TYPE),
    iris("an unknown initialiser", f"{DENSE}.init", "pickle", "no initialiser 'pickle'"),
    iris("an initialiser that is a number", f"{DENSE}.init", 0, TYPE),
    iris("an initialiser that is nothing", f"{DENSE}.init", None, TYPE),
    iris("an initialiser without a name", f"{DENSE}.init", {}, NONSENSE),
    iris("an initialiser that is a class path", f"{DENSE}.init", {"initializer": "numpy.load"}, NONSENSE),
    iris("an initialiser with an unknown argument", f"{DENSE}.init", {"initializer": "Constant", "file": "x"},
         "no parameter 'file'"),
    iris("a constant that is text", f"{DENSE}.init", {"initializer": "Constant", "value": "0"}, TYPE),
    iris("a constant that is a list", f"{DENSE}.init", {"initializer": "Constant", "value": [0.5]}, TYPE),
    iris("a spread below zero", f"{DENSE}.init", {"initializer": "Normal", "mean": 0.0, "std": -1.0}, "std >= 0"),
    iris("bounds turned round", f"{DENSE}.init", {"initializer": "Uniform", "low": 1.0, "high": 0.0}, "low < high"),
    iris("bounds too far apart", f"{DENSE}.init", {"initializer": "Uniform", "low": -1.7e308, "high": 1.7e308},
         NONSENSE),
    iris("an orthogonal bias", f"{DENSE}.bias_init", "orthogonal", "Orthogonal draws matrices"),
    normalised("a scale of zero", f"{DENSE}.init.scale", 0.0, "scale > 0"),
    normalised("a scale of text", f"{DENSE}.init.scale", "2", TYPE),
    normalised("an unknown fan", f"{DENSE}.init.fan", "sideways", "fan is"),
    normalised("a fan that is a number", f"{DENSE}.init.fan", 3, TYPE),
    normalised("an unknown distribution", f"{DENSE}.init.distribution", "cauchy", "distribution is"),
    normalised("a momentum of 1", f"{NORM}.momentum", 1.0, "momentum of at least 0 and below 1"),
    normalised("a negative momentum", f"{NORM}.momentum", -0.1, "momentum of at least 0 and below 1"),
    normalised("a momentum of text", f"{NORM}.momentum", "0.9", TYPE),
    normalised("a momentum that is true", f"{NORM}.momentum", True, TYPE),
    normalised("epsilon 0", f"{NORM}.epsilon", 0.0, "epsilon > 0"),
    normalised("epsilon below 0", f"{LAYER_NORM}.epsilon", -1e-5, "epsilon > 0"),
    normalised("epsilon that is nothing", f"{LAYER_NORM}.epsilon", None, TYPE),
    normalised("an unknown parameter of a norm", f"{NORM}.trainable", ["weight"], "no parameter 'weight'"),
    normalised("layer norm for batch norm", f"{NORM}.layer", "LayerNorm", "no parameter 'momentum'"),
    normalised("batch norm for layer norm", f"{LAYER_NORM}.layer", "BatchNorm", "buffers is float64[12], but"),
    normalised("an unknown activation", f"{ACTIVATION}.activation", "rleu", "no activation 'rleu'"),
    normalised("an activation that is a command", f"{ACTIVATION}.activation", "os.system", "no activation 'os.system'"),
    normalised("an activation that is eval", f"{ACTIVATION}.activation", "eval", "no activation 'eval'"),
    normalised("an activation that is a number", f"{ACTIVATION}.activation", 1, "no activation 1"),
    normalised("an activation that is a list", f"{ACTIVATION}.activation", ["relu"], NONSENSE),
    normalised("an activation that is an object", f"{ACTIVATION}.activation", {"initializer": "Normal"}, NONSENSE),
    normalised("no activation", f"{ACTIVATION}.activation", DELETED, "no parameter 'slope'"),
    normalised("a slope of text", f"{ACTIVATION}.slope", "0.2", TYPE),
    normalised("a slope that is a list", f"{ACTIVATION}.slope", [0.2], TYPE),
    normalised("a slope that is nothing", f"{ACTIVATION}.slope", None, TYPE),
    normalised("a slope for gelu", f"{LAYERS}.6.slope", 0.2, "no parameter 'slope'"),
    normalised("a rate of 1", f"{DROPOUT}.rate", 1.0, "rate of at least 0 and below 1"),
    normalised("a negative rate", f"{DROPOUT}.rate", -0.5, "rate of at least 0 and below 1"),
    normalised("a rate of text", f"{DROPOUT}.rate", "0.25", NONSENSE),
    normalised("a rate that is false", f"{DROPOUT}.rate", False, TYPE),
    normalised("no rate", f"{DROPOUT}.rate", DELETED, NONSENSE),
    normalised("a layer less", f"{LAYERS}.4", DELETED, "but the architecture needs"),
]  # fmt: skip

PREPARATION = [
    *(without(f"{PLAN}.{name}", "exactly the entries") for name in
      ("class_names", "columns", "constant", "fill", "left_out", "mean", "missing", "scale", "target", "target_mean")),
    iris("a preparation that is text", PLAN, "sklearn.Pipeline", "exactly the entries"),
    iris("a preparation that is a list", PLAN, [], "exactly the entries"),
    iris("a preparation that is false", PLAN, False, "exactly the entries"),
    iris("a transformer too many", f"{PLAN}.transformer", "joblib", "exactly the entries"),
    iris("a target that is a number", f"{PLAN}.target", 1, "target must be text"),
    iris("a target that is nothing", f"{PLAN}.target", None, "target must be text"),
    iris("gaps filled with the mean", f"{PLAN}.missing", "mean", "missing null or 'median'"),
    iris("gaps filled with 0", f"{PLAN}.missing", 0, "missing null or 'median'"),
    iris("gaps to be filled, but no medians", f"{PLAN}.missing", "median", FIT),
    mixed("medians, but no gaps to be filled", f"{PLAN}.missing", None, FIT),
    mixed("a median less", f"{PLAN}.fill", lambda fill: fill[:-1], FIT),
    iris("a mean less", f"{PLAN}.mean", lambda mean: mean[:-1], FIT),
    iris("a scale too many", f"{PLAN}.scale", lambda scale: [*scale, 1.0], FIT),
    iris("a mean that is text", f"{PLAN}.mean.0", "6", "must hold values of type float"),
    iris("a mean that is a whole number", f"{PLAN}.mean.0", 6, "must hold values of type float"),
    iris("a mean that is true", f"{PLAN}.mean.0", True, "must hold values of type float"),
    iris("a mean that is nothing", f"{PLAN}.mean.0", None, "must hold values of type float"),
    iris("means that are an object", f"{PLAN}.mean", {}, "must hold values of type float"),
    iris("a scale of zero", f"{PLAN}.scale.0", 0.0, "not above zero"),
    iris("a scale of minus zero", f"{PLAN}.scale.0", -0.0, "not above zero"),
    iris("a negative scale", f"{PLAN}.scale.3", -1.0, "not above zero"),
    mixed("a target's scale of zero", f"{PLAN}.target_scale", [0.0], "not above zero"),
    mixed("a negative target's scale", f"{PLAN}.target_scale", [-2.0], "not above zero"),
    mixed("a target's mean less", f"{PLAN}.target_mean", [], FIT),
    mixed("two quantities from one output", PLAN,
          lambda plan: {**plan, "target_mean": [0.0, 0.0], "target_scale": [1.0, 1.0]}, "2 targets, but the network"),
    iris("classes and a quantity", PLAN, lambda plan: {**plan, "target_mean": [0.0], "target_scale": [1.0]}, FIT),
    iris("neither classes nor a quantity", f"{PLAN}.class_names", [], FIT),
    iris("a class less than outputs", f"{PLAN}.class_names", ["a", "b"], "2 classes, but the network has 3 outputs"),
    iris("a class more than outputs", f"{PLAN}.class_names", list("abcd"), "4 classes, but the network has 3 outputs"),
    iris("two classes of one name", f"{PLAN}.class_names", ["a", "b", "a"], "same word twice among its classes"),
    iris("a class that is a number", f"{PLAN}.class_names.0", 0, "must hold values of type str"),
    iris("classes that are text", f"{PLAN}.class_names", "abc", "must hold values of type str"),
    iris("no columns", f"{PLAN}.columns", [], FIT),
    iris("columns that are names", f"{PLAN}.columns", ["a", "b", "c", "d"], "must hold values of type dict"),
    iris("a column less", f"{PLAN}.columns", lambda columns: columns[:-1], FIT),
    iris("two columns of one name", f"{PLAN}.columns.1.name", "sepal length (cm)", "same word twice among its columns"),
    iris("a column of unknown kind", f"{PLAN}.columns.0.kind", "image", "no known kind"),
    iris("a column whose kind is a list", f"{PLAN}.columns.0.kind", [], "no known kind"),
    iris("a column without a kind", f"{PLAN}.columns.0.kind", DELETED, "no known kind"),
    iris("a column without a name", f"{PLAN}.columns.0.name", DELETED, "no known kind"),
    iris("a column with a query", f"{PLAN}.columns.0.sql", "DROP TABLE rows", "no known kind"),
    iris("a name that is a number", f"{PLAN}.columns.0.name", 1, "name of the wrong type"),
    iris("an indicator that is 1", f"{PLAN}.columns.0.indicator", 1, "indicator of the wrong type"),
    iris("an indicator, but no number for it", f"{PLAN}.columns.0.indicator", True, FIT),
    mixed("yes and no in other words", f"{PLAN}.columns.2.words", ["off", "on"], "yes/no column of other words"),
    mixed("yes and no in SQL", f"{PLAN}.columns.2.words", ["no", "x' THEN 1 ELSE (SELECT 2) END --"],
          "yes/no column of other words"),
    mixed("yes and no turned round", f"{PLAN}.columns.2.words", ["yes", "no"], "yes/no column of other words"),
    mixed("three words for two", f"{PLAN}.columns.2.words", ["no", "yes", "perhaps"], "yes/no column of other words"),
    mixed("words that are text", f"{PLAN}.columns.2.words", "no", "must hold values of type str"),
    mixed("a category's value twice", f"{PLAN}.columns.1.values", ["blue", "red", "red"], "same word twice"),
    mixed("a category's value that is rare, too", f"{PLAN}.columns.1.rare", ["red"], "same word twice"),
    mixed("a category's value less", f"{PLAN}.columns.1.values", ["blue", "red"], FIT),
    mixed("a category with a value of nothing", f"{PLAN}.columns.1.values.0", None, "must hold values of type str"),
    mixed("a category that takes all other words", f"{PLAN}.columns.1.other", True, FIT),
    mixed("a category that is a date", f"{PLAN}.columns.1.kind", "date", "no known kind"),
    mixed("a number for a date", f"{PLAN}.columns.3.kind", "number", FIT),
    iris("a constant column that is not used", f"{PLAN}.constant", ["other"], "not among its columns"),
    iris("a constant that is a number", f"{PLAN}.constant", [1], "must hold values of type str"),
    iris("a column left out and used", f"{PLAN}.left_out", [["sepal width (cm)", "empty"]], "same word twice"),
    iris("a column left out twice", f"{PLAN}.left_out", [["a", "empty"], ["a", "empty"]], "same word twice"),
    iris("a column left out without a reason", f"{PLAN}.left_out", [["a"]], FIT),
    iris("columns left out as text", f"{PLAN}.left_out", ["ab"], "must hold values of type list"),
    Row("another network's preparation", "mixed", {f"{PLAN}.columns": lambda columns: columns[1:],
        f"{PLAN}.fill": lambda v: v[2:], f"{PLAN}.mean": lambda v: v[2:], f"{PLAN}.scale": lambda v: v[2:]},
        "makes 10 features, but the network has 12 inputs"),
]  # fmt: skip

ROWS = [*ENVELOPE, *TEXT, *HEADER, *NUMBERS, *ARCHITECTURE, *PREPARATION]
