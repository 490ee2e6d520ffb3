"""How each knob shows: what to do, and what is seen at each value. test_knobs.py runs the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from world import World

Switches = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`act` on a fresh world with the knob set gives what `seen` says for its value."""

    act: Callable[[World, Switches], Any]
    seen: dict[Any, Any]
    world: dict[str, Any]


CASES: dict[str, Case] = {}


def case(seen: dict[Any, Any], **world: Any) -> Callable[[Callable], Callable]:
    """Registers a function as the case of the knob of its name; `world` are the arguments of its World."""

    def register(act: Callable[[World, Switches], Any]) -> Callable:
        CASES[act.__name__] = Case(act, seen, world)
        return act

    return register
