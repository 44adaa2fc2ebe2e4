"""What was found is kept; what is wrong with the file costs work, and no training."""

import os
import sqlite3

import numpy as np
import pytest

from sightserve.training.feature_cache import FeatureCache, Row, default_folder

ROW = Row(np.array([0.1, -3e-9, 1e20], dtype=np.float32), np.uint64(2**63 + 5))


def test_a_row_comes_back_bit_for_bit(tmp_path):
    cache = FeatureCache(tmp_path / "new", "x", 3)
    cache.put([("digest", ROW)])
    cache.close()

    found = FeatureCache(tmp_path / "new", "x", 3).get("digest")

    assert found is not None
    assert found.vector.tobytes() == ROW.vector.tobytes()
    assert found.hash == ROW.hash
    assert FeatureCache(tmp_path / "new", "x", 4).get("digest") is None  # of another length


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_begun_anew(tmp_path, content):
    (tmp_path / "x.sqlite").write_bytes(content)

    cache = FeatureCache(tmp_path, "x", 3)
    cache.put([("digest", ROW)])

    assert cache.get("digest") is not None
    cache.close()


def test_a_folder_that_cannot_be_and_a_locked_file_are_done_without(tmp_path, monkeypatch):
    monkeypatch.setattr("sightserve.training.feature_cache._PATIENCE", 0.05)
    (tmp_path / "file").touch()
    FeatureCache(tmp_path, "x", 3).close()
    other = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    for cache in (FeatureCache(tmp_path / "file", "x", 3), FeatureCache(tmp_path, "x", 3)):
        cache.put([("digest", ROW)])

        assert cache.get("digest") is None
        cache.close()
    other.close()


def test_when_there_is_too_much_the_oldest_go(tmp_path):
    old = FeatureCache(tmp_path, "old", 3)
    old.close()
    os.utime(tmp_path / "old.sqlite", (1, 1))
    cache = FeatureCache(tmp_path, "new", 3, most=30_000)
    cache.put([(f"{number:064d}", ROW) for number in range(1000)])

    cache.close()

    assert not (tmp_path / "old.sqlite").exists()
    again = FeatureCache(tmp_path, "new", 3)
    assert again.get(f"{0:064d}") is None
    assert again.get(f"{999:064d}") is not None
    again.close()


def test_it_lies_where_caches_lie(tmp_path):
    assert default_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "sightserve" / "features"
    assert default_folder({"HOME": str(tmp_path)}) == tmp_path / ".cache" / "sightserve" / "features"
