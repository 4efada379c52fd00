"""PostgreSQL and Valkey under DATA_DIR, for whoever names no servers of their own.

    with servers() as urls:                  # {"DATABASE_URL": ..., "BROKER_URL": ...}
        os.environ.update(urls)

Servers that already run for the same DATA_DIR are shared; the last user stops them.
Nothing here imports Django. Every failure is an `EmbeddedError` of one sentence.
"""

from alai.embedded.errors import EmbeddedError
from alai.embedded.servers import Servers, data_dir, destroy, servers

__all__ = ["EmbeddedError", "Servers", "data_dir", "destroy", "servers"]
