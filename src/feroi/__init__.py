"""feroi reads facial expressions and shows which regions of the face made the decision."""

__version__ = "0.1.0.dev0"
