"""Interim."""


def is_freemail(address: str) -> bool:
    return address.rpartition("@")[2] in {"gmail.com", "outlook.com", "hotmail.com", "yahoo.com"}
