"""The pipeline: ordered pure stages over a parsed message; the first verdict wins, every stage leaves evidence."""
