"""The worlds of chapters 01 to 03.

``potentials`` to move in; ``motion`` and ``flows`` are the paths of descent and momentum, and
``outcomes`` where they end; ``diffusion``, ``escape`` and ``gradient_noise`` are about chance.
"""
