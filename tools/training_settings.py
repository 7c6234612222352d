"""All settings of a training: of its data, network, schedule, method and optimizers."""

import dataclasses

import elastic_tf
import pipelines
from elastic_tf.settings import setting

# By section, in the order of a command's --help.
SETTINGS = {
    "data": pipelines.DataSettings,
    "network": elastic_tf.NetworkSettings,
    "schedule": elastic_tf.StageSchedule,
    "method": elastic_tf.MethodSettings,
    "optimizers": elastic_tf.OptimizerSettings,
}
# Names that say less on a command line than in their dataclass.
_FLAG_OF = {"momentum": "bn_momentum"}
_MIN_EVALUATIONS = 120


def flag_name(field):
    """Returns the name of a setting's flag, a str; `field` is a dataclass field."""
    return _FLAG_OF.get(field.name, field.name)


def setting_fields(*sections):
    """Returns the section and the dataclass field of every setting of some sections, in order."""
    return [(section, f) for section in sections for f in dataclasses.fields(SETTINGS[section])]


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """All settings of a training.

    Attributes:
        data: `pipelines.DataSettings`.
        network: `elastic_tf.NetworkSettings`.
        schedule: `elastic_tf.StageSchedule`.
        method: `elastic_tf.MethodSettings`.
        optimizers: `elastic_tf.OptimizerSettings`.
        seed: int >= 0.
    """

    data: pipelines.DataSettings = pipelines.DataSettings()
    network: elastic_tf.NetworkSettings = elastic_tf.NetworkSettings()
    schedule: elastic_tf.StageSchedule = elastic_tf.StageSchedule()
    method: elastic_tf.MethodSettings = elastic_tf.MethodSettings()
    optimizers: elastic_tf.OptimizerSettings = elastic_tf.OptimizerSettings()
    seed: int = setting(
        0, "Seed of weights, data order, augmentation and models drawn.", int, low=0
    )

    def flat(self, with_resumable=True):
        """Returns the settings by the names of their flags, a dict for JSON.

        Args:
            with_resumable: bool. Whether to have those that may change when a run is continued.
        """
        found = {"seed": self.seed}
        for section, field in setting_fields(*SETTINGS):
            if with_resumable or not field.metadata.get("resume"):
                found[flag_name(field)] = getattr(getattr(self, section), field.name)
        return found

    @classmethod
    def from_flat(cls, found):
        """Returns the settings that `flat` gave, also by way of JSON; what lacks has its default.

        Args:
            found: dict; what is no setting's name is left aside.
        """
        sections = {section: {} for section in SETTINGS}
        for section, field in setting_fields(*SETTINGS):
            if flag_name(field) in found:
                sections[section][field.name] = _with_tuples(found[flag_name(field)])
        made = {section: SETTINGS[section](**given) for section, given in sections.items()}
        return cls(seed=found.get("seed", 0), **made)

    def search_evaluations(self, wanted, specs):
        """Returns how many fixed models are tried for each task, a dict from name to int.

        As much is spent on the best fixed model as on the selector: as many images on models.

        Args:
            wanted: int, of the flag; `None` where left out.
            specs: sequence of `pipelines.TaskSpec`.
        """
        share = self.data.validation_share
        # Without images held out there is nothing to choose a fixed model on.
        if wanted is not None or not share:
            return dict.fromkeys((spec.name for spec in specs), wanted if share else 0)
        steps = self.schedule.rounds * self.schedule.selector_steps
        images, sizes = self.data.training_images(specs), self.data.batch_sizes(specs)
        return {
            name: max(
                _MIN_EVALUATIONS,
                round(
                    steps
                    * sizes[name]
                    * self.method.samples_per_image
                    / (images[name] * share / (1 - share))
                ),
            )
            for name in images
        }

    def build_model(self, specs):
        """Returns the compiled network for tasks, a `DeepElasticNetwork`.

        Args:
            specs: sequence of `pipelines.TaskSpec`.
        """
        tasks = pipelines.network_tasks(specs)
        model, method = elastic_tf.initial_network(
            tasks, self.network, self.method, self.seed, verbose=1
        )
        model.compile(self.schedule, method, self.optimizers)
        return model


def _with_tuples(value):
    """Returns a value with tuples in place of lists, which JSON makes of them."""
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value
