"""Files from outside: find, download and check benchmark data; read samples files and Alpaca rows."""

from .files import (
    DataFile,
    fetch,
    find_file,
    find_user_file,
    get_cache_dir,
    get_cache_path,
    get_url,
    locate,
    obtain,
    read_content,
    read_rows,
    read_verified,
)

__all__ = [
    "DataFile",
    "fetch",
    "find_file",
    "find_user_file",
    "get_cache_dir",
    "get_cache_path",
    "get_url",
    "locate",
    "obtain",
    "read_content",
    "read_rows",
    "read_verified",
]
