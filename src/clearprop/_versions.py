"""Which versions are in use, without importing them: for model files, reports and bug reports."""

import platform
from importlib.metadata import PackageNotFoundError, version


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, of clearprop, and of `packages`, by name.

    >>> versions("no-such-package")["no-such-package"]
    'not installed'
    """
    import clearprop

    found = {"python": platform.python_version(), "clearprop": clearprop.__version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
