"""Ids of requests and predictions: unique over all servers, in order within one."""

from __future__ import annotations

import secrets
from itertools import count

# Asking the system for randomness at every request costs more than all else that its id takes.
_PROCESS = secrets.token_hex(8)
_number = count(1)


def new_id() -> str:
    """32 hexadecimal digits: 16 drawn when the process began, 16 that count. No secret."""
    return f"{_PROCESS}{next(_number):016x}"
