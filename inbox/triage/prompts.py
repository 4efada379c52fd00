"""Interim."""

from inbox.mail.parsed import Parsed

QUESTION = (
    "Is this a business opportunity, paying client request, partner inquiry, invoice, contract, or revenue-relevant? "
    "Answer YES or NO."
)


def first_question(mail: Parsed) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": QUESTION},
        {"role": "user", "content": f"{mail.subject}\n{mail.text[:4000]}"},
    ]


def stricter_question(mail: Parsed) -> list[dict[str, str]]:
    return first_question(mail)
