"""Files from outside: benchmark data found, downloaded and checked, samples files and Alpaca rows read."""

from .files import (
    DataFile,
    address,
    cache_dir,
    cached,
    content,
    fetch,
    found_at,
    locate,
    rows,
    user_file,
    verified,
)

__all__ = [
    "DataFile",
    "address",
    "cache_dir",
    "cached",
    "content",
    "fetch",
    "found_at",
    "locate",
    "rows",
    "user_file",
    "verified",
]
