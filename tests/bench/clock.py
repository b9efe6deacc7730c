"""Timing: what is compared is measured in turns, so that a busy moment of the machine falls on all alike."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


def in_turns(actions: Sequence[Callable[[], object]], *, rounds: int, warm_up: int = 10) -> list[list[float]]:
    """Seconds each action took in each round, one action after the other; a list an action."""
    for _ in range(warm_up):
        for act in actions:
            act()
    seconds: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for taken, act in zip(seconds, actions, strict=True):
            begun = time.perf_counter()
            act()
            taken.append(time.perf_counter() - begun)
    return seconds


def rate_in_turns(
    makers: Sequence[Callable[[], Callable[[], object]]], *, calls: int, people: int, rounds: int = 3
) -> list[float]:
    """Calls a second of each action, done by ``people`` threads at once, each with an action of its own making.

    The best of ``rounds``, taken in turns: what disturbs a round only ever slows it down.
    """
    best = [0.0] * len(makers)
    with ThreadPoolExecutor(people) as pool:
        for _ in range(rounds):
            for index, make in enumerate(makers):
                actions = [make() for _ in range(people)]
                begun = time.perf_counter()
                list(pool.map(lambda act: [act() for _ in range(calls // people)], actions))
                best[index] = max(best[index], calls / (time.perf_counter() - begun))
    return best
