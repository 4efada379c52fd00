"""Reading mail from an IMAP server: connections, what servers say, and when to try again. Needs no Django."""
