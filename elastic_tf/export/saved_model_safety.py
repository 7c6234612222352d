"""What a SavedModel may do when it is loaded and run."""

import itertools
import pathlib
import re

import tensorflow as tf
from google.protobuf import message, message_factory

_MESSAGES = tf.compat.v1.MetaGraphDef.DESCRIPTOR.file.pool
SavedModel = message_factory.GetMessageClass(
    _MESSAGES.FindMessageTypeByName("tensorflow.SavedModel")
)
# Operations that read and write files, talk to others, or run Python.
_REACHES_OUT = re.compile(
    "File|Save|Restore|Checkpoint|Reader|Dataset|Summary|Print|Sql|PyFunc|NumpyFunction|Custom|"
    "Library|Rpc|Remote|Socket|Send|Recv|Collective|Debug|CopyHost"
)


def check_saved_model(path):
    """Refuses a SavedModel that does more than compute.

    A SavedModel is a program, and a network's answer needs no file, connection or Python. What
    reads and writes the weights is let pass, as long as loading and saving alone run it.

    Args:
        path: str or path of the folder.

    Raises:
        FileNotFoundError: if there is no SavedModel.
        ValueError: if it holds such an operation, or cannot be read.
    """
    content = (pathlib.Path(path) / "saved_model.pb").read_bytes()
    try:
        graphs = SavedModel.FromString(content).meta_graphs
    except message.DecodeError as error:
        raise ValueError(f"saved_model.pb cannot be read: {error}") from None
    for graph in graphs:
        _check_graph(graph)


def _check_graph(graph):
    functions = {each.signature.name: each.node_def for each in graph.graph_def.library.function}
    saver = {graph.saver_def.save_tensor_name.partition(":")[0], graph.saver_def.restore_op_name}
    main = [node for node in graph.graph_def.node if node.name not in saver]
    saves = set().union(*map(_called, (n for n in graph.graph_def.node if n.name in saver)))
    others = {name: nodes for name, nodes in functions.items() if name not in saves}
    for name, nodes in itertools.chain([("the graph", main)], others.items()):
        for node in nodes:
            if _REACHES_OUT.search(node.op) or _called(node) & saves:
                raise ValueError(
                    f"the operation {node.op} in {name}, which reaches beyond the network"
                )


def _called(node):
    """Returns the names of the functions that a node calls, a set of str."""
    attributes = node.attr.values()
    alone = {each.func.name for each in attributes if each.HasField("func")}
    return alone | {function.name for each in attributes for function in each.list.func}
