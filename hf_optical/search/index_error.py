"""What is wrong with an index on disk, and the way out, in one line."""


class IndexFormatError(ValueError):
    """An index on disk that is not there, damaged, of a newer format, or does not fit what is asked of it."""
