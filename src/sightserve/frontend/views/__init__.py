"""One module per page; each has a `page` function that draws it.

The folder is not called `pages`: Streamlit would take its modules for scripts of their own and run them for deep links.
"""
