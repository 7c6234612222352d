"""What the replicas of a step on several devices share, so that it is the step of one device.

Each of them has as many images of the whole batch. Models are drawn for the whole batch, moments
and means are taken over it; where there is one replica, all of this is nothing. None of it may be
within a condition of a graph, where TensorFlow lets no replica wait for another.

Reference: tensorflow.org/guide/distributed_training.
"""

import functools

import tensorflow as tf


def count():
    """Returns how many replicas take the step at hand, an int; 1 outside of a step."""
    if tf.distribute.in_cross_replica_context():
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


def index():
    """Returns which replica this is, an int in `[0, count())`."""
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def machines(strategy):
    """Returns on how many machines a strategy runs, an int."""
    resolver = strategy.cluster_resolver
    return 1 if resolver is None else max(1, resolver.cluster_spec().num_tasks("worker"))


def total(values):
    """Returns the sum over replicas of a tensor."""
    return _reduced(tf.distribute.ReduceOp.SUM, values)


def mean(values):
    """Returns the mean over replicas of a tensor."""
    return _reduced(tf.distribute.ReduceOp.MEAN, values)


def _reduced(how, values):
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(how, values)


def on_any_machine(strategy, flags):
    """Returns which flags are set on at least one machine. It is not for use within a step.

    Each machine has to ask as often as all others, which wait for it.

    Args:
        strategy: `tf.distribute.Strategy`.
        flags: list of bool, those of this machine.
    """
    if machines(strategy) == 1:
        return flags
    return [bool(sum) for sum in _sums_over_machines(strategy)(tf.cast(flags, tf.int32)).numpy()]


@functools.cache
def _sums_over_machines(strategy):
    @tf.function
    def sums(values):
        # A copy on each replica: what is summed must be of some device.
        found = strategy.run(lambda: total(tf.identity(values)))
        return strategy.experimental_local_results(found)[0]

    return sums


def gathered(rows, axis=0):
    """Returns the rows of all replicas, in the order of the whole batch.

    Args:
        rows: tensor with the rows of this replica along `axis`.
        axis: int. Defaults to 0.
    """
    if count() == 1:
        return rows
    whole = tf.distribute.get_replica_context().all_gather(rows, axis)
    shape = rows.shape.as_list()
    shape[axis] = shape[axis] and count() * shape[axis]
    return tf.ensure_shape(whole, shape)


def own(rows, axis=0):
    """Returns the rows of this replica out of those of the whole batch; the reverse of `gathered`.

    Args:
        rows: tensor with as many rows of each replica along `axis`.
        axis: int. Defaults to 0.
    """
    if count() == 1:
        return rows
    return tf.split(rows, count(), axis)[index()]


def deal(dataset, strategy):
    """Returns a data set that gives each replica its part of every batch, in their order.

    Args:
        dataset: `tf.data.Dataset`, the same on all machines, of dicts of nested tensors
            `(batch, ...)`. What a batch has beyond a multiple of the replicas comes after it, an
            image for some of them and none for others.
        strategy: `tf.distribute.Strategy`.

    Returns:
        What `fit` takes under the strategy; `dataset` itself for a single replica.
    """
    count = strategy.num_replicas_in_sync
    if count == 1:
        return dataset

    @tf.autograph.experimental.do_not_convert
    def of_machine(context):
        own = count // context.num_input_pipelines

        def deal_batch(batch):
            sizes = [_size(tensor) for tensor in tf.nest.flatten(batch)]
            rests = tf.reduce_any([size % count > 0 for size in sizes])
            numbers = tf.data.Dataset.range(tf.where(rests, tf.constant(2 * own, tf.int64), own))
            first = own * context.input_pipeline_id
            return numbers.map(lambda number: _part(batch, first + number % own, number // own))

        @tf.autograph.experimental.do_not_convert
        def _part(batch, replica, is_rest):
            return tf.nest.map_structure(lambda rows: _rows(rows, replica, is_rest, count), batch)

        parts = dataset.flat_map(deal_batch)
        if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:  # Or shapes would be lost.
            endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
            parts = parts.apply(endless)
        return parts.prefetch(own)

    return strategy.distribute_datasets_from_function(of_machine)


def _size(tensor):
    return tf.cast(tf.shape(tensor)[0], tf.int64)


def _rows(tensor, replica, is_rest, count):
    """Returns a replica's part of a tensor, or the one row of it, if any, that is left over."""
    each = _size(tensor) // count
    start = tf.where(is_rest > 0, count * each + replica, replica * each)
    rows = tensor[start : start + tf.where(is_rest > 0, tf.ones_like(each), each)]
    if tensor.shape[0] and tensor.shape[0] % count == 0:
        rows.set_shape([tensor.shape[0] // count, *tensor.shape[1:]])
    return rows
