"""From records to verdicts.

``statements`` holds what the report, the paper and this book say, each as a ``claim``; ``judge``
decides each on records, ``compare`` on those of two folders; ``ledger`` lists all claims for every
set of seeds, and ``tables`` writes them down.
"""
