"""What a SavedModel may do when it is loaded and run."""

import pathlib
import re

import tensorflow as tf
from google.protobuf import message, message_factory

_MESSAGES = tf.compat.v1.MetaGraphDef.DESCRIPTOR.file.pool
SavedModel = message_factory.GetMessageClass(
    _MESSAGES.FindMessageTypeByName("tensorflow.SavedModel")
)
# Operations that read and write files, talk to others, run Python, or end the process.
_REACHES_OUT = re.compile(
    "File|Save|Restore|Checkpoint|Reader|Dataset|Summary|Print|Sql|PyFunc|NumpyFunction|Custom|"
    "Library|Rpc|Remote|Socket|Send|Recv|Collective|Debug|CopyHost|ImmutableConst|Remap|"
    "FixedUnigram|Proto|RecordInput|Abort"
)
_OF_SAVING = ("SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename")


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
    saver = {graph.saver_def.save_tensor_name.partition(":")[0], graph.saver_def.restore_op_name}
    main, saves = [], set()
    for node in graph.graph_def.node:
        if node.name in saver:
            saves |= _called(node)
        else:
            main.append(node)
    for name in saves & _offered(graph):
        _refuse("call", name)
    _check_nodes("the graph", main, saves)
    for function in graph.graph_def.library.function:
        _check_nodes(function.signature.name, function.node_def, saves)


def _check_nodes(name, nodes, saves):
    """Checks a function, which may be one of those that save; no other may call these."""
    let_pass = _OF_SAVING if name in saves else ()
    for node in nodes:
        reaches_out = _REACHES_OUT.search(node.op) and node.op not in let_pass
        if reaches_out or _called(node) & saves:
            _refuse(node.op, name)


def _offered(graph):
    """Returns the names of the functions that can be called from outside, a set of str."""
    nodes = graph.object_graph_def.nodes
    bare = {node.bare_concrete_function.concrete_function_name for node in nodes}
    return bare | {name for node in nodes for name in node.function.concrete_functions}


def _refuse(operation, name):
    raise ValueError(f"the operation {operation} in {name}, which reaches beyond the network")


def _called(node):
    """Returns the names of the functions that a node calls, a set of str."""
    attributes = node.attr.values()
    alone = {each.func.name for each in attributes if each.HasField("func")}
    return alone | {function.name for each in attributes for function in each.list.func}
