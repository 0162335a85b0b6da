"""All SQL of vendors."""

from estore.services.vendors.store.history import Entry, add_entry, list_entries
from estore.services.vendors.store.keys import insert_key, keys_of, list_keys, live_keys, update_key
from estore.services.vendors.store.vendors import find_vendor, insert_vendor, list_vendors, lock_vendor, update_vendor

__all__ = [
    "Entry",
    "add_entry",
    "find_vendor",
    "insert_key",
    "insert_vendor",
    "keys_of",
    "list_entries",
    "list_keys",
    "list_vendors",
    "live_keys",
    "lock_vendor",
    "update_key",
    "update_vendor",
]
