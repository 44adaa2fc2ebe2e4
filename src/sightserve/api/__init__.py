"""What crosses the wire: the schema of every answer and the code of every error. Both halves import it, it imports neither."""
