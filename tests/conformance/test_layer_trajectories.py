"""Layers for tables train as PyTorch does by their formulas written out: 200 steps to 1e-10, with both engines."""

import json
from pathlib import Path

import numpy as np
import pytest

import layer_trajectories
from clearprop.engine import choose_engine
from clearprop.losses import MSE
from clearprop.optim import Adam

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/layer_trajectories.json").read_text("utf-8"))


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", layer_trajectories.LAYERS)
def test_200_steps_are_those_that_pytorch_took(name, engine):
    model = layer_trajectories.network(name)
    if choose_engine("auto", model, MSE(), Adam())[0].name != engine == "native":
        pytest.skip("the native engine does not run here")
    found, expected = layer_trajectories.ours(name, engine), GOLDEN["networks"][name]
    losses = [found["loss"][step - 1] for step in GOLDEN["steps"]]
    np.testing.assert_allclose(losses, expected["loss"], rtol=1e-10, atol=0.0)
    assert losses[-1] < 0.9 * losses[0] and found.keys() == {"loss", *expected["parameters"]}
    for key, value in expected["parameters"].items():
        np.testing.assert_allclose(found[key], value, rtol=1e-10, atol=1e-10, err_msg=key)


def test_pytorch_took_every_network():
    assert GOLDEN["networks"].keys() == layer_trajectories.LAYERS.keys()
