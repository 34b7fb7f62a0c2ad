"""When which mail is due, in memory; the queue on disk is what is true."""

import heapq
import threading
from datetime import UTC, datetime
from uuid import UUID


class Schedule:
    """Mails by the time of their next attempt. Workers wait here; safe to use from several threads."""

    def __init__(self) -> None:
        self._due: dict[UUID, datetime] = {}
        self._heap: list[tuple[datetime, UUID]] = []
        self._changed = threading.Condition()
        self._closed = False

    def add(self, mail_id: UUID, when: datetime) -> None:
        """Have a mail worked on at `when`, or before if it was to be worked on before."""
        with self._changed:
            if when < self._due.get(mail_id, datetime.max.replace(tzinfo=UTC)):
                self._due[mail_id] = when
                heapq.heappush(self._heap, (when, mail_id))
                self._changed.notify()

    def take(self) -> UUID | None:
        """The next mail that is due, as soon as one is; None once the schedule is closed."""
        with self._changed:
            while not self._closed:
                wait = self._until_next()
                if wait is not None and wait <= 0:
                    when, mail_id = heapq.heappop(self._heap)
                    if self._due.get(mail_id) == when:
                        del self._due[mail_id]
                        return mail_id
                else:
                    self._changed.wait(wait)
            return None

    def _until_next(self) -> float | None:
        return (self._heap[0][0] - datetime.now(UTC)).total_seconds() if self._heap else None

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed
