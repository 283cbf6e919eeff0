"""From records to verdicts.

``statements`` holds what the report, the paper and this book say, each as a ``claim``; ``judge``
decides each on records; ``ledger`` lists all of them for every set of seeds.
"""
