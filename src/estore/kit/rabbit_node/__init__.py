"""A private RabbitMQ node, for the tests and for `estore up --amqp embedded`.

What can go wrong, and what prevents it:

* **Two nodes on one machine** meet in `epmd` and over their node names: each has an `epmd` of its own on a port of its
  own, so that names, cookies and the system's own RabbitMQ never meet.
* **The network** would see the broker, its distribution port and `epmd`: all three listen on 127.0.0.1 only.
* **A small machine** would block publishers at RabbitMQ's default watermarks: memory is limited by a number that suits
  the machine, the disk by 50 MB, and the quorum queues' log is kept short.
* **Our own death** would leave the node running: a guard stops it, and the next start stops what a killed guard left.
* **Installing Debian's package** would start a system service: a policy for the length of the installation forbids it.
"""

from estore.kit.processes import DataFolderInUse, EmbeddedError, PortTaken
from estore.kit.rabbit_node.installing import find_rabbitmq, install_rabbitmq
from estore.kit.rabbit_node.node import RabbitNode

__all__ = ["DataFolderInUse", "EmbeddedError", "PortTaken", "RabbitNode", "find_rabbitmq", "install_rabbitmq"]
