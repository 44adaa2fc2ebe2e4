"""The web app: Streamlit pages that know the backend only through `client`."""
