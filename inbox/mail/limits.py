"""How much of a message is looked at. A hostile message may be anything; these keep time and memory bounded.

Legitimate mail stays far below all of them; what lies beyond a limit is noted as a `Finding` and not looked at.
"""

BYTES = 40_000_000  # of the raw message: the API takes 30 MB, IMAP servers rarely more than 35
HEADER_BYTES = 262_144  # of one header block
HEADERS = 1_000  # fields of one header block
HEADER_LENGTH = 16_384  # characters of one field; a References of a year-long thread has 10,000
ADDRESSES = 200  # in one field
ADDRESS_FIELD = 32_768  # characters of one address field
REFERENCES = 100
AUTHENTICATION_HEADERS = 20
AUTHENTICATION_METHODS = 20  # in one header
PARTS = 500  # MIME parts of all levels
DEPTH = 16  # of multiparts within multiparts
BOUNDARY_CANDIDATES = 20_000  # lines that look like a boundary
HTML = 1_000_000  # characters of one HTML part
HTML_EVENTS = 60_000  # tags and texts of one HTML part
HTML_DEPTH = 2_000  # open elements that are kept track of
TEXT = 500_000  # characters of visible text, and of hidden text
LINKS = 500
LINK_LENGTH = 4_096
IMAGES = 500
ATTACHMENTS = 200
FILENAME = 255
ARCHIVE_NAMES = 100  # names listed of one archive
SNIFF = 1_000_000  # bytes of an attachment that are searched for telling marks
