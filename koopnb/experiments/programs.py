"""Compiled programs, let go before they are too many for a process."""

from pathlib import Path

import jax

# Where Linux lists this process's memory maps, and says how many it may have.
MAPS = (Path("/proc/self/maps"), Path("/proc/sys/vm/max_map_count"))


def drop() -> None:
    """Drops what JAX has compiled, before it is too much: for between two runs.

    Ranks differ from seed to seed, and programs with them. Those of a dozen seeds are more
    memory maps than Linux allows a process, which then ends.
    """
    held, most = MAPS
    if most.is_file() and 2 * held.read_bytes().count(b"\n") > int(most.read_text()):
        jax.clear_caches()
