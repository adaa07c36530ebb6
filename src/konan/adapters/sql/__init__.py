"""The metadata of the platform in SQLite or PostgreSQL."""

from konan.adapters.sql.store import SqlStore, fill_store, open_store, sqlite_url

__all__ = ["SqlStore", "fill_store", "open_store", "sqlite_url"]
