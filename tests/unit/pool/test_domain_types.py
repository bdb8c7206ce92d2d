"""The types of the vocabulary reach the domain: a misspelt field is an error, and nothing is a dict of anything."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOMAIN = ("streams/pool", "streams/allocation", "streams/catalog")
SAMPLES = {
    "streams/pool/orders/holds.py": ('hold["quantity_milli"]', 'hold["quantity_mili"]'),
    "streams/pool/tasks/rows.py": ('task["escalations"]', 'task["escalation"]'),
}
UNTYPED = ("Any", "dict", "object")
"""No value of a dict in a signature is one of these, or the whole dict says nothing."""


def mypy_says(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", "/dev/null", *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("module", SAMPLES)
def test_a_misspelt_field_is_an_error(module, tmp_path):
    right, wrong = SAMPLES[module]
    text = (ROOT / module).read_text(encoding="utf-8")
    assert right in text
    copy = tmp_path / "copy.py"
    copy.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    said = mypy_says("--follow-imports=silent", "--shadow-file", module, str(copy), module)
    assert "has no key" in said, said


def annotations(tree: ast.Module):
    """Every annotation of a parameter, a result or an attribute, and every alias of a type."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            yield from (one.annotation for one in (*arguments, node.args.vararg, node.args.kwarg) if one is not None)
            yield node.returns
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation
    yield from (
        node.value for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Subscript | ast.BinOp)
    )  # fmt: skip


def says_nothing(node: ast.AST) -> bool:
    """Is it `dict[str, Any]`, `Mapping[str, Any]`, or a dict that names no types at all?"""
    if isinstance(node, ast.Name):
        return node.id in ("dict", "Mapping")
    is_dict = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
    if not is_dict or node.value.id not in ("dict", "Mapping") or not isinstance(node.slice, ast.Tuple):
        return False
    key, value = node.slice.elts
    return ast.unparse(key) == "str" and isinstance(value, ast.Name) and value.id in UNTYPED


@pytest.mark.parametrize("folder", DOMAIN)
def test_no_signature_and_no_alias_is_a_dict_of_anything(folder):
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside_subscripts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(annotation)}"
            for annotation in annotations(tree)
            for node in (ast.walk(annotation) if annotation is not None else ())
            if node not in inside_subscripts and says_nothing(node)
        ]
    assert found == []
