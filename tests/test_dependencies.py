"""Dependencies point one way; see README.md, section Layout."""

import ast
import pathlib

import tensorflow as tf
from absl.testing import parameterized

ROOT = pathlib.Path(__file__).parents[1]
LAYERS = ("costs", "layers", "policies", "models", "inference", "evaluation", "export", "training")
# What a part of the library may import of it, beside itself.
MAY_IMPORT = {
    "costs": (),
    "layers": ("costs",),
    "policies": (),
    "models": ("costs", "layers", "policies"),
    "evaluation": ("costs", "layers", "policies", "models", "inference"),
    "export": ("costs", "layers", "policies", "models", "inference"),
    "inference": ("costs", "layers", "policies", "models"),
    "training": ("costs", "layers", "policies", "models"),
}


def imported_modules(path):
    """Returns the full names of all modules that a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"{path}: relative imports hide the direction")
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def is_within(name, package):
    return name == package or name.startswith(package + ".")


class DependenciesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("elastic_tf", ("pipelines", "tools", "absl", "tensorflow_datasets", "tests")),
        ("pipelines", ("elastic_tf", "tools", "absl", "tests")),
        ("tools", ("tests",)),
    )
    def test_a_package_does_not_import(self, package, forbidden):
        files = sorted((ROOT / package).rglob("*.py"))
        self.assertNotEmpty(files)
        for path in files:
            for name in imported_modules(path):
                self.assertFalse(
                    any(is_within(name, other) for other in forbidden), f"{path} imports {name}"
                )

    @parameterized.parameters(*LAYERS)
    def test_the_library_points_one_way(self, layer):
        allowed = {f"elastic_tf.{name}" for name in (layer, *MAY_IMPORT[layer])}
        files = sorted((ROOT / "elastic_tf" / layer).rglob("*.py"))
        self.assertNotEmpty(files)
        for path in files:
            for name in imported_modules(path):
                if is_within(name, "elastic_tf"):
                    self.assertTrue(
                        any(is_within(name, other) for other in allowed), f"{path} imports {name}"
                    )

    def test_every_part_of_the_library_is_ordered(self):
        parts = {path.parent.name for path in (ROOT / "elastic_tf").glob("*/__init__.py")}
        self.assertEqual(parts, set(LAYERS))


if __name__ == "__main__":
    tf.test.main()
