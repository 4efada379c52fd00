"""Tests with real server processes in throw-away folders."""
