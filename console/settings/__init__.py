"""Settings: base (everything, from the environment), production (only tightens), test."""
