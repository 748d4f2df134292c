"""States of molecules from a value in time, such as the height: hidden Markov models with missing frames."""
