"""The log of both halves: `lines` says how an event is written, `log_queue` gets it out, `relay` takes in what others print."""
