"""What can stand in the way of training."""


class TrainError(Exception):
    """Nothing can be learned from this, or not so; the message says what was found and what to do about it."""
