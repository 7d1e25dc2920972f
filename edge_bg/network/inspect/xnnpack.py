"""What XNNPACK's delegate takes, and in how many pieces: LiteRT's own checks, as in `edge_bg.network.operators`."""

from __future__ import annotations

from collections import Counter

from edge_bg.network import operators as known
from edge_bg.network.inspect.network import Network, Node


def why_not(network: Network, node: Node) -> str:
    """Why the delegate refuses an operator, empty where it takes it."""
    acts = [t for t in network.taken(node) if not t.constant]
    out = network.tensors[node.outputs[0]]
    if node.kind == "CUSTOM":
        return "" if node.custom in known.XNNPACK_CUSTOM else "a custom operator"
    if node.kind == "DEQUANTIZE" and not acts:
        return ""  # constant weights: the delegate unpacks them itself
    if node.kind == "CONCATENATION" and len(node.inputs) > known.XNNPACK_JOINED:
        return f"joins {len(node.inputs)}, more than {known.XNNPACK_JOINED}"
    integer = any(t.dtype in ("int8", "uint8") for t in (*acts, out))
    if node.kind in (known.XNNPACK_INTEGER if integer else known.XNNPACK_FLOAT):
        return ""
    return f"no {out.dtype} {node.kind}" if node.kind in known.XNNPACK_FLOAT else f"no {node.kind}"


def pieces(network: Network, kinds: list[str], refusals: list[str]) -> tuple[int, str]:
    """(how many pieces XNNPACK gets, what stays outside): grouped as TFLite does, all that can run now, then all that
    others can, and on."""
    made = {t for n in network.nodes for t in n.outputs}
    ready = {i for i in range(len(network.tensors)) if i not in made}
    waiting, count, taken = list(range(len(network.nodes))), 0, True
    idle = 0
    while waiting and idle < 2:
        moved, again = 0, True
        while again:
            again = False
            for k in list(waiting):
                node = network.nodes[k]
                if (refusals[k] == "") == taken and ready.issuperset(node.inputs):
                    waiting.remove(k)
                    ready.update(node.outputs)
                    moved, again = moved + 1, True
        count += bool(taken and moved)
        idle = 0 if moved else idle + 1
        taken = not taken
    outside = Counter(kind for kind, why in zip(kinds, refusals, strict=True) if why)
    return count, ", ".join(f"{n} {kind}" for kind, n in outside.most_common())
