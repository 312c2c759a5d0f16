"""Write optimizer_trajectories.json: where PyTorch's optimisers go, so that tests can compare without PyTorch.

Run it with PyTorch installed, from the folder `tests`:  PYTHONPATH=. python golden/make_optimizer_trajectories.py
"""

import json
from pathlib import Path


def main() -> None:
    import torch

    import trajectories

    kept = [1, 2, 3, 4, 5, 10, 20, 50, 100, 150, 200]
    document = {
        "provenance": f"PyTorch {torch.__version__}, float64, by make_optimizer_trajectories.py",
        "steps": kept,
        "w": {name: trajectories.theirs(name)[[k - 1 for k in kept]].tolist() for name in trajectories.PAIRS},
    }
    path = Path(__file__).with_name("optimizer_trajectories.json")
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
