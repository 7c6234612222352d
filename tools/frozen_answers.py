"""The answers of a network on the splits of its tasks, each task frozen once."""

from elastic_tf_tools.evaluate import split_batches

from elastic_tf.evaluation.answers import Answers


class FrozenAnswers:
    """Keeps what several measurements of one network have in common.

    Args:
        model: an `ElasticNetwork`, whose weights must not change any more.
    """

    def __init__(self, model):
        self._model = model
        self._answers = {}

    def on(self, spec, split):
        """Returns the `Answers` on a split.

        Args:
            spec: `TaskSpec`.
            split: str, `"train"`, `"validation"` or `"test"`.
        """
        of_task = self._answers.setdefault(spec.name, {})
        if split not in of_task:
            batches = split_batches(spec, split)
            frozen = next(iter(of_task.values()), None)
            of_task[split] = (
                frozen.on(batches) if frozen else Answers(self._model, batches, spec.name)
            )
        return of_task[split]
