"""How much the server takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request may cost, and how many are let in.

    At worst `places` batches of `batch_bytes` lie in memory, and `workers` photos of `pixels` are decoded.
    Raises ValueError for limits that let nothing through.
    """

    photo_bytes: int = 20_000_000  # encoded, as sent
    batch_bytes: int = 60_000_000  # of all photos of a batch and what separates them
    batch_photos: int = 32
    pixels: int = 50_000_000  # of a photo, decoded; 3 bytes each and as much again for copies
    workers: int = 1  # photos read at once
    waiting: int = 16  # requests beside those
    client_seconds: float = 60.0  # for sending headers, for sending a body, and for taking the answer
    answer_seconds: float = 60.0  # from the last byte of a photo to its answer
    connections: int = 256  # open at once, whatever they do

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 0 if name == "waiting" else 1e-3 if name.endswith("seconds") else 1
            if value < least:
                raise ValueError(f"the limit {name} is at least {least}, got {value}")

    @property
    def places(self) -> int:
        """Requests with a photo that are let in at once."""
        return self.workers + self.waiting
