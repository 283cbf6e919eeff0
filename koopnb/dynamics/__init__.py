"""The worlds of chapters 01 to 05.

``potentials`` to move in; ``motion`` and ``flows`` are the paths of descent and momentum, and
``outcomes`` where they end; ``diffusion``, ``escape`` and ``gradient_noise`` are about chance;
``systems`` are small ones whose operators are known.
"""
