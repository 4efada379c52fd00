"""Which new edges would close a circle in a graph that has none."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

Edge = tuple[int, int]


def closing_edges(standing: Iterable[Edge], fresh: Sequence[Edge]) -> set[Edge]:
    """Those of `fresh` that close a circle with the standing ones and the accepted earlier ones.

    Most graphs have no circle at all, which one linear pass tells; only what is left of it is searched by edge.
    """
    graph: dict[int, set[int]] = defaultdict(set)
    known = set(standing)
    for start, end in (*known, *fresh):
        graph[start].add(end)
    core = _core(graph)
    if not core:
        return set()
    kept: dict[int, set[int]] = defaultdict(set)
    for start, end in known:
        if start in core and end in core:
            kept[start].add(end)
    closing = set()
    for start, end in fresh:
        if start not in core or end not in core:
            continue
        if _reaches(kept, end, start):
            closing.add((start, end))
        else:
            kept[start].add(end)
    return closing


def _core(graph: dict[int, set[int]]) -> set[int]:
    """What is left when nodes from which nothing, and then nodes to which nothing leads, are taken away."""
    backwards: dict[int, set[int]] = defaultdict(set)
    for start, ends in graph.items():
        for end in ends:
            backwards[end].add(start)
    nodes = set(graph) | set(backwards)
    for ahead, behind in ((graph, backwards), (backwards, graph)):
        degree = {node: len(ahead.get(node, set()) & nodes) for node in nodes}
        loose = [node for node, count in degree.items() if not count]
        while loose:
            node = loose.pop()
            nodes.discard(node)
            for other in behind.get(node, ()):
                if other in nodes:
                    degree[other] -= 1
                    if not degree[other]:
                        loose.append(other)
    return nodes


def _reaches(graph: dict[int, set[int]], start: int, goal: int) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        node = ahead.pop()
        if node == goal:
            return True
        fresh = graph.get(node, set()) - seen
        seen |= fresh
        ahead.extend(fresh)
    return False
