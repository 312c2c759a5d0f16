"""Every function and class that has a public name says what it is, wherever it stands."""

import ast
import inspect

import pytest

import clearprop
from house import files


def undocumented(source):
    """Public functions and classes at the top of a file that have no docstring."""
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]


def test_each_public_function_and_class_has_a_docstring():
    probes = ".findings"  # a post's probes: what each finds is said under its name in sentences.py, in two languages
    found = {m: undocumented(path.read_text("utf8")) for m, path in files().items() if not m.endswith(probes)}
    assert {module: names for module, names in found.items() if names} == {}


def test_a_missing_docstring_is_noticed():
    assert undocumented("def f(): ...\ndef _g(): ...\ndef h():\n    'says it'\nclass C: ...") == ["f", "C"]


EXPORTED = [thing for name in clearprop.__all__ if inspect.isclass(thing := getattr(clearprop, name))]


@pytest.mark.parametrize("kind", EXPORTED, ids=lambda kind: kind.__name__)
def test_each_public_method_of_an_exported_class_says_what_it_does(kind):
    """Itself, or in a class that it is derived from."""
    public = [name for one in kind.__mro__ if one.__module__.startswith("clearprop") for name in vars(one)]
    assert [
        name
        for name in dict.fromkeys(public)
        if not name.startswith("_")
        and (callable(found := getattr(kind, name)) or isinstance(found, property))
        and not inspect.isclass(found)
        and not inspect.getdoc(found)
    ] == []
