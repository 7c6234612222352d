"""The official tfds builders, fed with images that are on disk already."""

import importlib

# Where builders are that tfds does not come with.
BUILDER_MODULES = {"tiny_imagenet": "pipelines.builders.tiny_imagenet_builder"}


def official_builder_class(name):
    """Returns the tfds builder class of a data set.

    Args:
        name: str, a key of `OFFICIAL_SETS`.
    """
    import tensorflow_datasets as tfds  # Here, since its import takes seconds.

    if name in BUILDER_MODULES:
        importlib.import_module(BUILDER_MODULES[name])
    return tfds.builder_cls(name)


def local_builder(official, content, data_dir):
    """Returns a builder that prepares what the official one would, from other files.

    Args:
        official: `OfficialSet`.
        content: `Content`.
        data_dir: str or path of the folder of prepared data sets.

    Returns:
        `tfds.core.GeneratorBasedBuilder`, unknown to `tfds.builder`.
    """
    base = official_builder_class(official.name)
    methods = {
        "_info": _info_without_network,
        "_split_generators": _split_generators,
        "_generate_examples": _generate_examples,
        # They tell of a download, and of a folder that is gone in the end.
        "_log_download_bytes": lambda self: None,
        "_log_download_done": lambda self: None,
        # tfds would derive them from the place of this module.
        "name": official.name,
        "pkg_dir_path": base._get_pkg_dir_path(),
    }
    kind = type(base)(base.__name__, (base,), methods, skip_registration=True)
    # After the class is made, as tfds looks up official builders by their modules.
    kind.__module__ = base.__module__
    kind.official, kind.content, kind.base = official, content, base
    return kind(data_dir=str(data_dir))


def _info_without_network(self):
    info = self.base._info(self)
    info.initialize_from_bucket = lambda: None
    return info


def _split_generators(self, dl_manager):
    del dl_manager
    for feature, names in self.content.label_names.items():
        self.info.features[feature].names = names
    # In the official order, in which tfds describes them.
    return {
        split: self._generate_examples(split)
        for split in self.official.counts
        if split in self.content.splits
    }


def _generate_examples(self, split):
    digits = self.official.id_digits
    # Its running number is the key of an example, by which tfds shuffles.
    for number, example in enumerate(self.content.splits[split]()):
        if digits:
            example["id"] = f"{split}_{number:0{digits}d}"
        yield number, example
