"""What stands around Streamlit: the server, its guard, and its housekeeping."""
