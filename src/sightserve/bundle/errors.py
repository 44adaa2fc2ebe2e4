"""What can be wrong with a model's directory.

BundleError
├── BundleNotFoundError     the directory, or a file that it needs, is not there or cannot be read
├── ManifestInvalidError    manifest.json is not JSON, or does not say what a manifest must say
├── BundleCorruptError      a file is not the one that the manifest describes: its sha256 differs
├── LabelsInvalidError      the labels do not fit the model: too few, too many, empty or repeated
└── KindsInvalidError       the kinds of labels do not fit the model
"""


class BundleError(Exception):
    """Base of all errors of the bundle; the message names the file and what to do."""


class BundleNotFoundError(BundleError):
    """The directory, or a file that it needs, is not there or cannot be read."""


class ManifestInvalidError(BundleError):
    """manifest.json is not JSON, or does not say what a manifest must say."""


class BundleCorruptError(BundleError):
    """A file is not the one that the manifest describes."""


class LabelsInvalidError(BundleError):
    """The labels do not fit the model."""


class KindsInvalidError(BundleError):
    """The kinds of labels do not fit the model."""
