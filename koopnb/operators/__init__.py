"""Koopman operators on recorded weights.

``koopman`` fits and predicts; ``partition`` cuts weights into blocks; ``snapshots`` lays recorded
weights out; ``spectrum``, ``scores`` and ``log_time`` read what was fitted; ``baselines`` and
``radial`` are what a prediction is compared with, ``textbook`` the explicit forms. Modules with an
underscore are how it is done.
"""
