"""HTTP only: bytes in, problems and predictions out. What happens in between is `backend.pipeline`."""
