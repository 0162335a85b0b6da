"""What was found is kept until the next commit, for those who ask the same: popular words, the next sort order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """At most `most` answers, those that were asked for last. Of use to several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    def peek(self, key: Hashable) -> Any:
        """Return the answer to `key`, None where none is kept."""
        with self._lock:
            return self._answers.get(key)

    def get(self, key: Hashable, make: Callable[[], T], worth: Callable[[T], bool] = lambda _: True) -> T:
        """Return the answer to `key`, which says all that it depends on, the commit included. worth: whether it is to
        be kept."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                found: T = self._answers[key]
                return found
        made = make()
        if not worth(made):
            return made
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return made
