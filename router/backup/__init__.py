"""Backups: everything that an installation needs, in one encrypted file."""
