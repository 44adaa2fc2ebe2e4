"""Tests write HEIF files themselves, in whatever order they run; the backend teaches Pillow only when it reads the first."""

import pillow_heif

pillow_heif.register_heif_opener()
