"""The check of dead letters that the doctor makes."""

from collections import Counter

from commonshelf.dead_letters.letters import read_letters
from commonshelf.stack.connection import Connection
from commonshelf.stack.doctor import Finding
from commonshelf.text import counted


def letters_waiting(connection: Connection) -> Finding:
    """How many letters wait for a person, by topic; those that are done with are no news. It is no fault."""
    letters = read_letters(connection.kafka_options)
    waiting = Counter(one.place.topic for one in letters if one.is_waiting)
    if not waiting:
        done = f", {counted(len(letters), 'letter')} done with" if letters else ""
        return Finding("dead letters", True, f"none waiting{done}")
    where = ", ".join(f"{count} in {topic}" for topic, count in sorted(waiting.items()))
    total = waiting.total()
    verb = "waits" if total == 1 else "wait"
    return Finding("dead letters", True, f"{counted(total, 'letter')} {verb}: {where}; see ./shelf dlq list")
