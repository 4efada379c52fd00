from alai.kernel import needs
from inbox.admin import accounts, figures, history, messages, people
from inbox.admin.needs import in_quarantine, unanswered_partners, undecided

__all__ = ["accounts", "figures", "history", "messages", "people"]

needs.register("unanswered-partners", unanswered_partners, weight=90)
needs.register("mail-in-quarantine", in_quarantine, weight=55)
needs.register("undecided-mail", undecided, weight=52)
