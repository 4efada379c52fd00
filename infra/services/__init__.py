from infra.services.records import take_from_file

__all__ = ["take_from_file"]
