"""Our version, and which versions of others are in use, without importing them: for files and bug reports."""

import platform

__version__ = "0.1.0"


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, of clearprop, and of `packages`, by name.

    >>> versions("no-such-package")["no-such-package"]
    'not installed'
    """
    from importlib.metadata import PackageNotFoundError, version  # a quarter of `import clearprop`, were it above

    found = {"python": platform.python_version(), "clearprop": __version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
