"""Beside the data path: file descriptors, of which each connection takes one, and the slots and the log need theirs."""

import resource

_RESERVED = 128  # for everything but connections and slots
_OF_A_SLOT = 4  # its connection, its stderr, and what a new one has more while it starts


def enough_for(connections: int, slots: int) -> int:
    """Raise the process's limit, as far as it may, to hold so many connections; return how many it holds beside the slots."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reserved = _RESERVED + slots * _OF_A_SLOT
    wanted = connections + reserved
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return connections if soft == resource.RLIM_INFINITY else max(1, min(connections, soft - reserved))
