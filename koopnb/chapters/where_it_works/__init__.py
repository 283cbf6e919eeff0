"""Where Koopman works: the figures, tables and sentences of chapter 11, a section a module.

`overview` says what was run; `maps` compares losses over the grid; `growth` and `decay` set
larger weights beside them; `clock` changes to logarithmic time; `score` guesses from the record;
`arms` has the test data and every arm; `conclusions` has verdicts and advice. All take records of
the series "regimes" or "decay", one a seed; `grids` is what they share.
"""
