"""Exports of one network beside each other: size, accuracy, MACs, and time."""

import contextlib
import functools
import itertools
import pathlib
import typing

from elastic_tf_tools import export, flags
from elastic_tf_tools.timing import Candidate, aligned_table

import numpy as np
import tensorflow as tf

from elastic_tf.export.dynamic_module import served_answers
from elastic_tf.export.loaded_export import LoadedExport
from elastic_tf.export.manifest import FILE, read_manifest
from elastic_tf.export.options import QUANTIZATIONS
from elastic_tf.inference.frozen_network import FrozenNetwork
from elastic_tf.policies.second_look import POLICIES, SECOND_LOOK, SELECTOR

DYNAMIC = "dynamic"
# Images that an export is tested on together, at least.
_TESTED_AT_ONCE = 32
MOST_USED, FRONT, FULL = export.MOST_USED, "front", "full"


class Variant(typing.NamedTuple):
    """One export: what `export_variants` takes one each of; `format` of the export command.

    `run` is the name of another run whose full model it is, `""` for the run that is measured.
    """

    model: str
    format: str
    quantization: str
    run: str = ""

    @property
    def name(self):
        """str, a name for a folder."""
        return "_".join(filter(None, (self.run, *self[:3]))).removesuffix("_none")

    @property
    def kind(self):
        """str, `"dynamic"`, `"second_look"`, `"selector"`, or `"fixed"`."""
        kind = self.model.partition("@")[0]
        return kind if kind in (DYNAMIC, *POLICIES) else "fixed"

    @property
    def budget(self):
        """str, the budget that is kept to; `""` for none."""
        return self.model.partition("@")[2]

    def flags(self, task, num_levels):
        """Returns the flags of the export command that make it, a list of str."""
        found = [f"--format={self.format}", f"--quantization={self.quantization}"]
        if (self.kind, self.format) != (DYNAMIC, "keras"):  # That is the whole network.
            found.append(f"--task={task}")
        if self.kind != "fixed":
            found += [f"--budget={self.budget}", f"--policy={self.kind}"] * bool(self.budget)
        elif self.model == FULL:
            found.append(f"--level={num_levels - 1}")
        else:
            found.append(f"--level{'' if self.model.isdigit() else 's'}={self.model}")
        return found


def export_variants(models, formats, quantizations):
    """Returns a list of `Variant`s, models in formats; only fixed models as LiteRT are quantised.

    A Keras file keeps to no budget, and is left out for one.

    Args:
        models: sequence of str: `"dynamic"`, `"second_look@0.4"` and `"selector@0.4"` at a budget,
            `"most_used"`, `"full"`, a level, or levels such as `"3-0-1"`.
        formats: sequence of str.
        quantizations: sequence of str; `"none"` is always among them.
    """
    found = [Variant(*each) for each in itertools.product(models, formats, QUANTIZATIONS)]
    return [
        variant
        for variant in found
        if not (variant.budget and variant.format == "keras")
        and (
            variant.quantization == "none"
            or (
                variant.quantization in quantizations
                and variant.format == "litert"
                and variant.kind == "fixed"
            )
        )
    ]


def front_models(results):
    """Returns the fixed models on the front that a run has found, a list of str as in `"3-0-1"`.

    Args:
        results: dict, what `evaluate_task` returned.

    Raises:
        ValueError: if there was no search.
    """
    if "front" not in results:
        raise ValueError(
            f"`--models` must not hold {FRONT} without a front in results.json, which "
            f"--search_evaluations finds. Received: models={FRONT}"
        )
    return ["-".join(map(str, corner["levels"])) for corner in results["front"]["corners"]]


def make_exports(folder, variants, task, network, digest, arguments):
    """Makes those exports that are not there, by the command, and loads all.

    Args:
        folder: path, for a folder per export.
        variants: list of `Variant`.
        task: str.
        network: the `DeepElasticNetwork`.
        digest: str, the `model_hash` of its file.
        arguments: list of str, flags of the command that all exports have.

    Returns:
        Dict from `Variant` to `LoadedExport`.

    Raises:
        ValueError: if something else is in the place of an export; found before any is made.
    """
    missing = [variant for variant in variants if not (folder / variant.name).exists()]
    for variant in variants:
        if variant not in missing:
            _check_earlier_export(folder / variant.name, variant, task, digest)
    for number, variant in enumerate(missing, 1):
        print(f"[{number}/{len(missing)}] {variant.name}", flush=True)
        own = [f"--output_dir={folder / variant.name}", *variant.flags(task, network.num_levels)]
        flags.run(export, ["export", *arguments, *own])
    return {variant: LoadedExport(folder / variant.name, task) for variant in variants}


def _check_earlier_export(path, variant, task, digest):
    fault = "no export"
    with contextlib.suppress(FileNotFoundError, ValueError):
        manifest = read_manifest(path)
        same = {
            "model": (manifest.get("provenance") or {}).get("model_sha256") == digest,
            "task": task in manifest["tasks"],
            "format": manifest["format"] == variant.format,
            "quantization": manifest.get("quantization") == variant.quantization,
            "dynamic": manifest["dynamic"] == (variant.kind != "fixed"),
            "budget": manifest.get("budget") == (float(variant.budget) if variant.budget else None),
            "second look": bool(manifest.get("second_look")) == (variant.kind == SECOND_LOOK),
            "any_image_size": not manifest.get("any_image_size"),
        }
        if all(same.values()):
            return
        fault = f"an export with another {', '.join(name for name in same if not same[name])}"
    raise ValueError(
        f"`--exports` must be new, or hold exports of the model in --model_dir for '{task}'. "
        f"Received: {path}, {fault}"
    )


def compare_exports(network, task, exports, test_batches, timer, batch_sizes):
    """Returns the rows of the comparison, a list of dicts for JSON.

    The first is the network itself under Python, on its fast path, in whose time others are given.

    Args:
        network: the `DeepElasticNetwork`.
        task: str.
        exports: dict from `Variant` to `LoadedExport`.
        test_batches: function that gives an iterable of images and labels, `tf.data.Dataset`.
        timer: an `InterleavedTimer`.
        batch_sizes: sequence of int.
    """
    predictors = {"python": python_model(network, task)}
    rows = [_row(Variant(DYNAMIC, "Python", "none"), None)]
    for variant, loaded in exports.items():
        predictors[variant.name] = loaded.predict
        rows.append(_row(variant, 1e-6 * size_in_bytes(loaded.path)))
    print(f"Testing on the images of {task} ...", flush=True)
    full_macs = network.cost_table(task).full_macs
    # A runtime keeps the memory of the largest batch that it has seen, of every export.
    batches = test_batches().unbatch().batch(max(*batch_sizes, _TESTED_AT_ONCE))
    for row, predict in zip(rows, predictors.values(), strict=True):
        row |= quality(predict, batches.as_numpy_iterator(), full_macs)
        row["time_ratios"], row["ms_per_image"] = {}, {}
    images, _ = next(batches.as_numpy_iterator())
    for size in batch_sizes:
        print(f"Measuring at batch size {size} ...", flush=True)
        candidates = {
            name: Candidate(functools.partial(predict, images[:size]))
            for name, predict in predictors.items()
        }
        measured = timer.measure(candidates, size)
        in_python = 1e3 * np.median(measured[0].seconds)
        print(f"python: {in_python:.2f} ms")
        for row, times in zip(rows, measured, strict=True):
            row["time_ratios"][size] = times.ratio_to_dense
            row["ms_per_image"][size] = times.ratio_to_dense * in_python / size
    return rows


def _row(variant, megabytes):
    """Returns what a row of the comparison says before anything is measured, a dict."""
    return variant._asdict() | {
        "kind": SELECTOR if variant.kind == DYNAMIC else variant.kind,
        "runtime": f"{variant.format}, {variant.quantization}".removesuffix(", none"),
        "megabytes": megabytes,
    }


def python_model(network, task):
    """Returns a function from images to a dict of arrays: the fast path, without any export."""
    frozen, table = FrozenNetwork(network, task), network.cost_table(task)
    answers = tf.function(lambda images: served_answers(frozen(images), table))
    return lambda images: {
        name: value.numpy() for name, value in answers(tf.constant(images)).items()
    }


def size_in_bytes(folder):
    """Returns the size of an export's files, int; what describes it does not count."""
    files = (file for file in pathlib.Path(folder).rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files if file.name != FILE)


def quality(predict, batches, full_macs):
    """Returns accuracy and mean MACs on a split, a dict of floats in [0, 1].

    Args:
        predict: function from images to answers, see `LoadedExport.predict`.
        batches: iterable of images and labels, arrays.
        full_macs: int, of the full model.
    """
    answers = [(predict(images), labels) for images, labels in batches]
    right = [answer["classes"] == labels for answer, labels in answers]
    macs = [answer["macs"] for answer, _ in answers]
    return {
        "accuracy": float(np.mean(np.concatenate(right))),
        "macs_share": float(np.mean(np.concatenate(macs)) / full_macs),
    }


def format_exports(rows):
    """Returns the table of `compare_exports`, Markdown, str of several lines."""
    sizes = list(rows[0]["time_ratios"])
    header = ["model", "format", "MB", "accuracy %", "MACs %"]
    cells = [
        [
            " ".join(filter(None, (row["run"], row["model"]))),
            row["runtime"],
            "" if row["megabytes"] is None else f"{row['megabytes']:.2f}",
            f"{100 * row['accuracy']:.1f}",
            f"{100 * row['macs_share']:.1f}",
            *(f"{row['time_ratios'][size]:.2f}" for size in sizes),
        ]
        for row in rows
    ]
    return aligned_table(header + [f"time, batch {size}" for size in sizes], cells)
