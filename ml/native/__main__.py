"""`python -m ml.native` builds the compiled core, so that no process has to when it is first needed."""

from ml.native import build

build()
