"""Fetching: from an account's folders into the database, each message once, without a gap."""
