"""Images: takes out of an installed environment what nothing uses at run time, and compiles the rest to bytecode.

Run once while an image is built: `python slim.py ENVIRONMENT`. The sizes are of the packages as locked in November 2026;
`make test-containers` classifies through what is left, in a browser too.
"""

import compileall
import py_compile
import shutil
import sys
from pathlib import Path

# Relative to site-packages, or to the environment where they begin with a slash; what is not there is passed over.
NOT_NEEDED = (
    "onnxruntime/capi/libonnxruntime.so.*",  # 35 MB: for programs in C; the Python module has the same code inside
    "onnxruntime/transformers",  # 3 MB: tools that convert models
    "onnxruntime/tools",
    "onnxruntime/quantization",
    "numpy/*/tests",  # 7 MB
    "sqlalchemy/testing",  # 4 MB, with the next
    "alembic/testing",
    "mako/testing",
    "sqlalchemy/dialects/mssql",  # 4 MB: feedback is kept in SQLite or PostgreSQL
    "sqlalchemy/dialects/mysql",
    "sqlalchemy/dialects/oracle",
    "pandas/tests",  # 18 MB
    "pyarrow/tests",
    "pyarrow/include",  # 6 MB: headers
    "pyarrow/*flight*",  # 35 MB: a network protocol
    "pyarrow/*s3*",  # 18 MB: a client of one cloud's storage
    "pyarrow/libarrow_python*.so",  # 5 MB: the same library under three names, of which one is asked for
    "pyarrow/libarrow_python*.so.*.*.*",
    "pydeck/nbextension/static",  # 23 MB: maps in Jupyter notebooks, twice; Streamlit has its own
    "streamlit/static/static/js/PlotlyChart.*",  # 5 MB: a chart that the app does not draw
    "streamlit/static/static/js/DeckGlJsonChart.*",  # 3 MB: another
    "**/*.p[yx][dix]",  # 5 MB: type stubs and sources of compiled modules
    "**/*.h",
    "/share/jupyter",  # 23 MB
    "/share/man",
)


def slim(environment: Path) -> int:
    """Remove what is not needed and return how many bytes that was."""
    (packages,) = environment.glob("lib/python3*/site-packages")
    removed = 0
    for pattern in NOT_NEEDED:
        root, relative = (environment, pattern[1:]) if pattern.startswith("/") else (packages, pattern)
        for path in sorted(root.glob(relative)):
            files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
            removed += sum(file.lstat().st_size for file in files)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return removed


def compile_all(folder: Path) -> None:
    """Compile every module under the folder, so that no start has to.

    The bytecode is marked as never to be checked against its source: an image does not change, and builders that rewrite
    the files' times would have it compiled again at every start, since a read-only file system keeps nothing.
    """
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    # Its result is not looked at: some packages carry templates that are no valid Python, and nothing imports them.
    compileall.compile_dir(folder, quiet=2, invalidation_mode=mode)


if __name__ == "__main__":
    for argument in map(Path, sys.argv[1:]):
        if (argument / "pyvenv.cfg").is_file():
            print(f"{slim(argument) / 1e6:.0f} MB of {argument} are not needed at run time")
        compile_all(argument)
