"""Verdicts are remembered: grading is a pure function, so what was graded once is looked up the next time.

The store is an SQLite database. Any number of processes may read and write it at once, and none of them can damage it by
ending at the wrong moment.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = "verdicts.db"
BUSY_SECONDS = 60.0
DAY = 24 * 60 * 60

_TABLE = "CREATE TABLE IF NOT EXISTS gradings (fingerprint TEXT PRIMARY KEY, grading BLOB NOT NULL, used REAL NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True)
class Grading:
    """What grading a notebook gives: the outputs of its cells by cell id, a record for each exercise, notes for the student."""

    outputs: dict[str, list[dict[str, Any]]]
    records: list[dict[str, Any]]
    notes: list[str]


class VerdictStore:
    """Gradings by the fingerprints of what was graded."""

    def __init__(self, path: Path) -> None:
        """Open the store, or make an empty one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")  # what is written survives a power cut
        self._database.execute(_TABLE)

    def get(self, fingerprint: str) -> Grading | None:
        found = self._database.execute("SELECT grading, used FROM gradings WHERE fingerprint = ?", (fingerprint,)).fetchone()
        if found is None:
            return None
        if time.time() - found[1] > DAY:
            self._database.execute("UPDATE gradings SET used = ? WHERE fingerprint = ?", (time.time(), fingerprint))
        return Grading(**json.loads(zlib.decompress(found[0])))

    def put(self, fingerprint: str, grading: Grading) -> None:
        packed = zlib.compress(json.dumps(asdict(grading)).encode())
        self._database.execute("INSERT OR REPLACE INTO gradings VALUES (?, ?, ?)", (fingerprint, packed, time.time()))

    def prune(self, days: float) -> int:
        """Forget what nobody asked for in so many days. Returns how many gradings that were."""
        pruned = self._database.execute("DELETE FROM gradings WHERE used < ?", (time.time() - days * DAY,)).rowcount
        self._database.execute("VACUUM")
        return pruned

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM gradings").fetchone()
        return int(count)

    def close(self) -> None:
        self._database.close()
