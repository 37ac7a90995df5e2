"""Ranks that crowd the cores of a node, or sit on one core of many: told with what cures it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil

from wudao_rt.distributed.launchers import Launcher, fewer_ranks, wider_masks
from wudao_rt.distributed.places import Place, counted, threads_of

Check = Callable[[Sequence[Place], "Launcher | None", int], str]


def complaints(places: Sequence[Place], launcher: Launcher | None) -> list[str]:
    """Return what is wrong with the threads of a job, a line for each kind; each names a node that has it.

    Args:
        places: of all ranks.
        launcher: that started them; None: nobody knows.
    """
    nodes: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        nodes.setdefault(place.node, []).append(place)
    return [line for check in (_crowded, _bound_to_one_core) if (line := _first(check, nodes.values(), launcher))]


def _first(check: Check, nodes: Iterable[Sequence[Place]], launcher: Launcher | None) -> str:
    nodes = list(nodes)
    told = [(node, line) for node in nodes if (line := check(node, launcher, len(nodes)))]
    if not told:
        return ""
    others = f" and {len(told) - 1} more" if len(told) > 1 else ""
    return f"threads: node {told[0][0][0].node[0]}{others}: {told[0][1]}"


def _crowded(node: Sequence[Place], launcher: Launcher | None, nodes: int) -> str:
    """More threads than cores."""
    threads, room = sum(threads_of(place, node) for place in node), _within_masks(node)
    if threads <= room:
        return ""
    return (f"expected at most {counted(room, 'thread')} on the {counted(room, 'core')} that its ranks may use, got "
            f"{threads} of {counted(len(node), 'rank')}. {_sentence(_cure(node, launcher, nodes))}")


def _bound_to_one_core(node: Sequence[Place], launcher: Launcher | None, nodes: int) -> str:
    """Masks of one core, where every rank could have several; one thread may have been asked for, though."""
    each = _permitted(node) // len(node)
    bound = [place for place in node if len(place.cores) == 1 and place.asked != 1 and place.most != 1]
    if each < 2 or not bound or _crowded(node, launcher, nodes):
        return ""
    return (f"expected ranks that may use {counted(each, 'core')} each, for it has {_permitted(node)}, got "
            f"{len(bound)} of {len(node)} bound to one core. {_sentence(wider_masks(launcher, each))}")


def _cure(node: Sequence[Place], launcher: Launcher | None, nodes: int) -> str:
    permitted = _permitted(node)
    each = max(1, permitted // len(node))
    greedy = [place for place in node if place.asked > each]
    cures = []
    if len(node) > permitted:
        cures.append(fewer_ranks(launcher, permitted, nodes))
    if greedy:
        cures.append(f"set {greedy[0].asked_by or 'the threads of each rank'}={each}")
    if permitted > _within_masks(node) or not cures:
        cures.append(wider_masks(launcher, each))
    return "; ".join(cures)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _within_masks(node: Sequence[Place]) -> int:
    return _granted(node, frozenset().union(*(place.cores for place in node)))


def _permitted(node: Sequence[Place]) -> int:
    return _granted(node, frozenset().union(*(place.permitted for place in node)))


def _granted(node: Sequence[Place], among: frozenset[int]) -> int:
    """Return how many of these cores the control groups give time for; each may have more than one rank in it."""
    quotas = [place.quota for place in node if place.quota is not None]
    return min(len(among), ceil(max(quotas))) if len(quotas) == len(node) else len(among)
