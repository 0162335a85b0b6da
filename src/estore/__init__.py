"""Estore: a marketplace backend made of small services that talk only through events."""
