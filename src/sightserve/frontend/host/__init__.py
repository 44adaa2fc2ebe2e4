"""What stands around Streamlit: the log, the server, its guard and housekeeping, and the metrics."""
