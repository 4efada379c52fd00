from alai.kernel.needs import register
from inbox.admin import accounts, figures, history, messages, people
from inbox.admin.needs import in_quarantine, unanswered_partners, undecided

__all__ = ["accounts", "figures", "history", "messages", "people"]

register("unanswered-partners", unanswered_partners, weight=90)
register("mail-in-quarantine", in_quarantine, weight=55)
register("undecided-mail", undecided, weight=52)
