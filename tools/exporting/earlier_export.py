"""Exports of an earlier comparison, which need not be made again."""

from elastic_tf_tools.exporting.export_variants import DYNAMIC

from elastic_tf.export.manifest import read_manifest


def check_earlier_export(folder, variant, task, digest):
    """Checks that a folder holds the export that would else be made.

    Args:
        folder: path of an existing folder.
        variant: the `ExportVariant` wanted.
        task: str.
        digest: str, `model_hash` of the run.

    Raises:
        ValueError: if it holds anything else.
    """
    try:
        found = _description(read_manifest(folder), task)
    except (FileNotFoundError, ValueError):
        found = "no export"
    wanted = {
        "model": digest,
        "task": task,
        "format": variant.format,
        "quantization": variant.quantization,
        "dynamic": variant.model == DYNAMIC,
        "budget": None,
    }
    if found == wanted:
        return
    if isinstance(found, dict):
        found = f"an export with another {', '.join(k for k in wanted if found[k] != wanted[k])}"
    raise ValueError(
        f"`--output_dir` must be new, or hold exports of the model in --model_dir for '{task}'. "
        f"Received: {folder}, {found}"
    )


def _description(manifest, task):
    return {
        "model": manifest.get("provenance", {}).get("model_sha256"),
        "task": task if task in manifest["tasks"] else None,
        **{name: manifest.get(name) for name in ("format", "quantization", "dynamic", "budget")},
    }
