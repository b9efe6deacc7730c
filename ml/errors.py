"""What can go wrong, one type a failure. No message ever quotes a text."""

from __future__ import annotations


class MlError(Exception):
    """Any failure of this package that a caller may show."""


class InputError(MlError):
    """An argument or an input row that cannot be used as given."""


class DataError(MlError):
    """A data set that is missing or not in the shape its reader expects."""


class TrainingError(MlError):
    """The examples given cannot train a model."""


class ArtifactError(MlError):
    """A model folder that cannot be loaded or written."""


class ArtifactMissing(ArtifactError):
    """The folder, its manifest or its weights are not there."""


class ArtifactTampered(ArtifactError):
    """A hash does not match: the files are not those that were saved, or not those that were asked for."""


class ArtifactUnsupported(ArtifactError):
    """The files are intact, but of a format or feature definition this version cannot read."""


class NativeUnavailable(MlError):
    """The compiled core is not there and cannot be built here."""
