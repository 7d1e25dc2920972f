"""What the Edge TPU compiler is known to refuse: Google's published list of operators, each with its limits.

coral.ai/docs/edgetpu/models-intro/#supported-operations. The list is necessary, not sufficient: only `edgetpu_compiler`
knows whether an operator of a given size is mapped, so that no verdict here says that one is.
"""

from __future__ import annotations

from edge_bg.network import operators as known
from edge_bg.network.inspect.network import Network, Node, Tensor

INTEGER = ("int8", "uint8")
CUSTOM = "edgetpu-custom-op"
SOFTMAX_MOST = 16_000  # elements, from Coral's list of operators
# operators whose axes or paddings come as a constant, and which input that is
_AXES = {"MEAN": 1, "SUM": 1, "REDUCE_MAX": 1, "REDUCE_MIN": 1}


def why_not(network: Network, node: Node) -> str:
    """Why the compiler refuses an operator, empty where nothing is known to speak against it."""
    if node.custom == CUSTOM:
        return ""
    if node.kind == "CUSTOM":
        return "a custom operator"
    if node.kind not in known.EDGETPU:
        instead = known.EDGETPU_INSTEAD.get(node.kind)
        return "not on the published list" + (f": {instead}" if instead else "")
    taken, out = network.taken(node), network.tensors[node.outputs[0]]
    acts = [t for t in taken if not t.constant]
    if any(t.dtype not in INTEGER for t in (*acts, out)):
        return f"{out.dtype}, only 8-bit integers are taken"
    if node.version > known.EDGETPU_NEWEST.get(node.kind, node.version):
        return f"version {node.version}, the newest taken is {known.EDGETPU_NEWEST[node.kind]}"
    if node.kind in known.CONVOLUTIONS and not all(t.constant for t in taken[1:2]):
        return "weights that are not constant"
    if any(n < 1 for t in (*taken, out) for n in t.shape):
        return "a size that is not known before it runs"
    if any(n != 1 for t in (*acts, out) for n in t.shape[:-3]):
        return "the batch is larger than 1" if len(out.shape) == 4 else "more than three dimensions are larger than 1"
    return _limit(node, taken, out)


def _limit(node: Node, taken: list[Tensor], out: Tensor) -> str:
    """The published limits, operator by operator."""
    kind, has = node.kind, node.options
    if kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION") and has.get("activation"):
        return "a fused activation"
    if kind == "CONCATENATION" and any(t.constant for t in taken) and not _pads_with_zeros(taken):
        return "a constant among more than two, or one that is not all zeros"
    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and has["dilation_w"] != has["dilation_h"]:
        return f"dilation {has['dilation_w']}x{has['dilation_h']}, it must be the same both ways"
    if kind == "FULLY_CONNECTED" and has["format"]:
        return "weights in another format than the default"
    if kind == "FULLY_CONNECTED" and sum(n > 1 for n in out.shape) > 1:
        return "its output has more than one dimension"
    if kind == "SOFTMAX" and (sum(n > 1 for n in out.shape) > 1 or max(out.shape, default=0) > SOFTMAX_MOST):
        return f"only one dimension of at most {SOFTMAX_MOST:,} is taken"
    if kind == "PRELU" and any(n > 1 for t in taken[1:] for n in t.shape[:-1]):
        return "a slope for every pixel; one for each channel is taken"
    if kind in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR") and len(taken[0].shape) > 4:
        return "more than three dimensions"
    if kind == "STRIDED_SLICE":
        strides = taken[3].values if len(taken) > 3 else ()
        if any(n != 1 for n in strides) or has["ellipsis"] or has["new_axis"]:
            return "only strides of 1 without ellipsis or new axes are taken"
    if kind == "SQUEEZE" and any(n != 1 for n in taken[0].shape[: len(taken[0].shape) - len(out.shape)]):
        return "only leading ones can be squeezed"
    return _axes(node, taken)


def _axes(node: Node, taken: list[Tensor]) -> str:
    rank = len(taken[0].shape)
    if node.kind in _AXES and len(taken) > 1:
        axes = {n % rank for n in taken[1].values}
        if 0 in axes and rank > 1:
            return "it reduces the batch"
        if node.kind == "MEAN" and rank == 4 and 3 in axes:
            return "a mean over channels; only height and width are taken"
    if node.kind == "PAD" and len(taken) > 1 and rank == 4:
        before_and_after = taken[1].values
        if any(before_and_after[:2]):
            return "it pads the batch"
        if any(before_and_after[6:8]):
            return "it pads channels; only height and width are taken"
    if node.kind == "PACK" and node.options["axis"] % (rank + 1) == 0 and rank > 2:
        return "it packs along the batch"
    if node.kind == "SPLIT" and taken[0].values and taken[0].values[0] == 0:
        return "it splits the batch"
    return ""


def _pads_with_zeros(taken: list[Tensor]) -> bool:
    return len(taken) == 2 and all(t.zeros for t in taken if t.constant)


def verdict(kinds: list[str], refusals: list[str]) -> tuple[bool, str]:
    """Whether nothing known speaks against the compiler taking all of it, and the verdict in words."""
    compiled = kinds.count(CUSTOM)
    if compiled:
        rest = len(kinds) - compiled
        return True, "compiled" + (f": {rest} operator(s) are left to the CPU" if rest else ": all of it")
    resize = next((i for i, kind in enumerate(kinds) if kind.startswith("RESIZE_") and not refusals[i]), None)
    doubt = "" if resize is None else (
        f"; a RESIZE may stay on the CPU, depending on its size: the first is operator {resize}"
    )  # fmt: skip
    first = next((i for i, why in enumerate(refusals) if why), None)
    if first is None:
        return True, f"every operator is listed{doubt}. Whether it maps only edgetpu_compiler can tell"
    return False, (
        f"stops at operator {first} ({kinds[first]}: {refusals[first]}): it and all that need it, "
        f"up to {len(kinds) - first} of {len(kinds)}, stay on the CPU{doubt}"
    )
