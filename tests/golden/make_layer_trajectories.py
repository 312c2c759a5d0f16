"""Write layer_trajectories.json: where PyTorch takes networks with layers for tables, so that tests can compare without
PyTorch.

Run it with PyTorch installed, from the folder `tests`:  PYTHONPATH=. python golden/make_layer_trajectories.py
"""

import json
from pathlib import Path


def main() -> None:
    import torch

    import layer_trajectories

    kept = [1, 2, 5, 10, 20, 50, 100, 150, 200]
    networks = {}
    for name in layer_trajectories.LAYERS:
        found = layer_trajectories.theirs(name)
        losses = found.pop("loss")
        networks[name] = {
            "loss": [losses[step - 1] for step in kept],
            "parameters": {key: value.tolist() for key, value in found.items()},
        }
    document = {
        "provenance": f"PyTorch {torch.__version__}, float64, by make_layer_trajectories.py",
        "steps": kept,
        "networks": networks,
    }
    path = Path(__file__).with_name("layer_trajectories.json")
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
