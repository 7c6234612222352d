"""Dependencies point one way; see docs/CONTRIBUTING.md."""

import ast
import pathlib

import tensorflow as tf
from absl.testing import parameterized

ROOT = pathlib.Path(__file__).parents[1]
MODELS = ("costs", "layers", "policies", "models")
LIBRARY = (*MODELS, "inference", "evaluation", "export", "training")
# What a part of the library may import of it, beside itself and the modules at its top.
MAY_IMPORT = {
    "costs": (),
    "layers": ("costs",),
    "policies": ("costs", "layers"),
    "models": ("costs", "layers", "policies"),
    "inference": MODELS,
    "evaluation": (*MODELS, "inference"),
    "export": (*MODELS, "inference"),
    "training": MODELS,
    "pretrained": (*MODELS, "training"),
    "report": LIBRARY,
    "tuning": (*LIBRARY, "pretrained"),
}
FOR_ALL = tuple(f"elastic_tf.{name}" for name in ("settings", "files", "replicas", "version"))
OURS = ("elastic_tf", "pipelines", "tools", "elastic_tf_tools", "tests")
FORBIDDEN = {
    "elastic_tf": {*OURS, "absl", "tensorflow_datasets"} - {"elastic_tf"},
    "pipelines": {*OURS, "absl"} - {"pipelines"},
    "tools": {"tests", "tools"},
}
PRIVATE = ("tensorflow.python", "tensorflow.tsl", "tensorflow.core", "keras.src", "keras_tuner.src")


def imported_modules(path):
    """Returns the full names of all that a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"{path}: relative imports hide the direction")
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def is_within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


class DependenciesTest(tf.test.TestCase, parameterized.TestCase):
    def _imports(self, folder):
        """Yields the files of a folder, each with what it imports."""
        files = sorted((ROOT / folder).rglob("*.py"))
        self.assertNotEmpty(files)
        for path in files:
            yield str(path.relative_to(ROOT)), imported_modules(path)

    @parameterized.parameters(*FORBIDDEN)
    def test_a_package_does_not_import(self, package):
        for path, names in self._imports(package):
            wrong = [name for name in names if is_within(name, FORBIDDEN[package])]
            self.assertEmpty(wrong, path)

    @parameterized.parameters(*MAY_IMPORT)
    def test_the_library_points_one_way(self, part):
        allowed = [f"elastic_tf.{name}" for name in (part, *MAY_IMPORT[part])]
        for path, names in self._imports(f"elastic_tf/{part}"):
            own = [name for name in names if is_within(name, ["elastic_tf"])]
            self.assertEmpty(
                [name for name in own if not is_within(name, [*allowed, *FOR_ALL])], path
            )

    def test_what_all_may_import_imports_nothing_of_the_library(self):
        for module in FOR_ALL:
            names = imported_modules(ROOT / f"{module.replace('.', '/')}.py")
            self.assertEmpty([name for name in names if is_within(name, OURS)], module)

    def test_every_part_of_the_library_is_ordered(self):
        parts = {path.parent.name for path in (ROOT / "elastic_tf").glob("*/__init__.py")}
        self.assertEqual(parts, set(MAY_IMPORT))

    def test_what_others_keep_private_stays_theirs(self):
        others = ("tensorflow", "keras", "keras_tuner", "tensorflow_datasets")
        for folder in ("elastic_tf", "pipelines", "tools", "tests"):
            for path, names in self._imports(folder):
                wrong = [
                    name
                    for name in names
                    if is_within(name, PRIVATE)
                    or (is_within(name, others) and any(p[0] == "_" for p in name.split(".")))
                ]
                self.assertEmpty(wrong, path)
