"""Pictures moved out of a source, or renamed in it, so that each can be put back. Never deleted.

    plan_quarantine ─┐
    plan_renaming   ─┴▶ carry_out ─▶ (files, journal) ─▶ put_back

The journal is written before anything moves, and what has happened is seen from the files
themselves: whenever a process is killed, `put_back` finds the rest.
"""

from midrib.datasets.quarantine.journal import Action, Move
from midrib.datasets.quarantine.moving import Outcome, carry_out, put_back
from midrib.datasets.quarantine.planning import (
    Left,
    Place,
    place_beside,
    plan_quarantine,
    plan_renaming,
)

__all__ = [
    "Action",
    "Left",
    "Move",
    "Outcome",
    "Place",
    "carry_out",
    "place_beside",
    "plan_quarantine",
    "plan_renaming",
    "put_back",
]
