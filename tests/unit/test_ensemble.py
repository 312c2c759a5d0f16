"""Ensembles: the mean of their members, in one file, and the same in every export."""

import numpy as np
import pytest

from clearprop import (
    MLP,
    Activation,
    Dataset,
    Dense,
    Ensemble,
    Preparation,
    Scale,
    Sequential,
    fit,
    load,
    predict,
    save,
)
from clearprop.ensemble import member, networks
from clearprop.errors import ConfigurationError, ModelFileError
from clearprop.files.container import sealed
from clearprop.formats import SavedModel
from clearprop.formats.json_format import from_json, to_json
from clearprop.formats.modelfile import MODEL
from clearprop.formats.numpy_source import to_numpy
from clearprop.formats.python_source import to_python
from clearprop.formats.sklearn import to_sklearn

RNG = np.random.default_rng(3)
X = RNG.normal(2.0, 3.0, size=(40, 3))
LABELS = Dataset(X, RNG.integers(0, 3, 40), feature_names=("a", "b", "c"))
PAIRS = Dataset(X, RNG.integers(0, 2, 40), feature_names=("a", "b", "c"))
QUANTITIES = Dataset(X, 100.0 + 20.0 * X[:, 0] + RNG.normal(size=40), feature_names=("a", "b", "c"))


def ensemble(outputs, kind="plain", dtype="float64"):
    """Of two or three networks that differ."""
    if kind == "plain":
        return Ensemble([MLP([3, 4 + i, outputs], "tanh", seed=i, dtype=dtype) for i in range(3)])
    layers = [[Scale(), Dense(5), Activation("relu"), Dense(outputs)], [Dense(outputs)]]
    return Ensemble([Sequential(own, n_in=3, seed=i, dtype=dtype) for i, own in enumerate(layers)])


SAVED = [
    pytest.param(SavedModel(ensemble(outputs, kind, dtype), Preparation.of(data), link), id=f"{link}-{kind}-{dtype}")
    for outputs, data, link in [(3, LABELS, "softmax"), (2, PAIRS, "softmax"), (1, QUANTITIES, "identity")]
    for kind in ("plain", "mixed")
    for dtype in ("float64", "float32")
]


def answers(saved):
    return saved.predict_proba(LABELS) if saved.classes else saved.predict(LABELS)


@pytest.mark.parametrize("saved", SAVED)
def test_it_predicts_the_mean_of_its_members(saved):
    alone = [answers(SavedModel(one, saved.preparation, saved.link)) for one in saved.model]
    np.testing.assert_allclose(
        answers(saved), np.mean(alone, axis=0), rtol=1e-6 if saved.model.dtype == "f4" else 1e-12
    )
    assert np.std(alone, axis=0).max() > 1e-3


@pytest.mark.parametrize("saved", SAVED)
def test_its_file_gives_it_back_bit_for_bit(saved, tmp_path):
    save(saved.model, tmp_path / "m.safetensors", preparation=saved.preparation, link=saved.link)
    again = load(tmp_path / "m.safetensors")
    assert isinstance(again.model, Ensemble) and again.model.config() == saved.model.config()
    assert [one.w.tobytes() for one in again.model] == [one.w.tobytes() for one in saved.model]
    assert answers(again).tobytes() == answers(saved).tobytes()


def test_batch_normalisation_keeps_each_members_averages(tmp_path):
    members = [MLP([3, 4, 1], normalization="batch", seed=i) for i in range(2)]
    for one in members:
        fit(one, QUANTITIES, "mse", epochs=2)
    save(Ensemble(members), tmp_path / "m.safetensors")
    found = load(tmp_path / "m.safetensors").model
    assert [one.buffers.tobytes() for one in found] == [one.buffers.tobytes() for one in members]


@pytest.mark.parametrize("saved", SAVED)
def test_exports_answer_as_it_does(saved):
    expected, columns = answers(saved), dict(zip("abc", X.T, strict=True))
    tolerance = {"rtol": 1e-5 if saved.model.dtype == np.float32 else 1e-9}
    numpy, python = {}, {"__name__": "rebuilt"}
    exec(to_numpy(saved), numpy)
    exec(to_python(saved), python)
    function = numpy["predict_proba"] if saved.classes else lambda rows: numpy["predict"](rows)[:, 0]
    np.testing.assert_allclose(function(columns), expected, **tolerance)
    assert answers(python["saved"]).tobytes() == expected.tobytes()
    assert answers(from_json(to_json(saved))).tobytes() == expected.tobytes()


@pytest.mark.parametrize("saved", SAVED)
def test_onnx_answers_as_it_does(saved):
    runtime = pytest.importorskip("onnxruntime")
    from clearprop.formats.onnx import to_onnx

    session = runtime.InferenceSession(to_onnx(saved).SerializeToString())
    found = session.run(None, {name: X[:, [i]] for i, name in enumerate("abc")})
    found = found[1] if saved.classes else found[0][:, 0]
    np.testing.assert_allclose(found, answers(saved), rtol=1e-4 if saved.model.dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("saved", [one for one in SAVED if "plain" in one.id])
def test_scikit_learns_own_ensemble_answers_as_it_does(saved):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abc"))
    found = to_sklearn(saved)
    tolerance = {"rtol": 1e-4 if saved.model.dtype == np.float32 else 1e-9}
    if saved.classes:
        np.testing.assert_allclose(found.predict_proba(frame), answers(saved), **tolerance)
        assert found.predict(frame).tolist() == saved.predict(LABELS).tolist()
    else:
        np.testing.assert_allclose(found.predict(frame), answers(saved), **tolerance)


def test_scikit_learn_has_no_ensemble_of_several_quantities():
    with pytest.raises(ConfigurationError, match="one class or one quantity for each row"):
        to_sklearn(ensemble(2))


def test_members_that_do_not_fit_are_refused():
    with pytest.raises(ConfigurationError, match="one network or more"):
        Ensemble([])
    with pytest.raises(ConfigurationError, match="member 1 has n_in=2, member 0 has 3"):
        Ensemble([MLP([3, 1]), MLP([2, 1])])
    with pytest.raises(ConfigurationError, match="member 1 has n_out=2"):
        Ensemble([MLP([3, 1]), MLP([3, 2])])
    with pytest.raises(ConfigurationError, match="member 1 has dtype=float32"):
        Ensemble([MLP([3, 1]), MLP([3, 1], dtype="float32")])
    with pytest.raises(ConfigurationError, match="member 0 is no network but str"):
        Ensemble(["net"])
    with pytest.raises(ConfigurationError, match="no parameters yet"):
        Ensemble([Sequential([Dense(1)])])


def test_a_member_is_found_by_its_number():
    both = ensemble(1, "mixed")
    assert member(both, 2) is both.members[1] and member(both.members[0], 1) is both.members[0]
    assert networks(both) == both.members and len(both) == 2
    with pytest.raises(ConfigurationError, match=r"no network 3: the model has 2, numbered from 1"):
        member(both, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, t: d.update(architecture={"members": []}), "list of 1 to"),
        (lambda d, t: d.update(architecture={"members": 3}), "list of 1 to"),
        (lambda d, t: d["architecture"]["members"].pop(), r"w is float64\[\d+\], but the architecture needs"),
        (lambda d, t: d["architecture"]["members"].append(MLP([3, 1]).config()), "needs float64"),
        (
            lambda d, t: d["architecture"]["members"].__setitem__(1, MLP([2, 8, 1]).config()),
            "the architecture needs|has n_in=2",
        ),
    ],
)
def test_damaged_files_are_refused(change, message, tmp_path):
    model = ensemble(1)
    document = {"architecture": model.config(), "preparation": None, "link": "identity"}
    tensors = {name: np.concatenate([getattr(one, name) for one in model]) for name in ("w", "buffers")}
    change(document, tensors)
    (tmp_path / "m.safetensors").write_bytes(sealed(MODEL, document, tensors))
    with pytest.raises(ModelFileError, match=message):
        load(tmp_path / "m.safetensors")


def test_what_predicts_is_named_when_something_else_is_given():
    with pytest.raises(ConfigurationError, match="predict takes a network, not SavedModel"):
        predict(SavedModel(ensemble(1), None, "identity"), X)
