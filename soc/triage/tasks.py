"""What a unit outside is asked to do: an act on an incident in, its tasks after it out.

A unit needs no account: who hears its answer types it in and is named.
"""

import hashlib
from typing import Final

import msgspec

from soc.clock import DAY, Micros
from soc.model import Action, Incident, Task
from soc.triage.arguments import MAX_LINE, MAX_TEXT, Done, RefusedError, choice, moment, text
from soc.triage.lifecycle import check

MAX_TASKS: Final = 100
LONGEST: Micros = 366 * DAY
"""How far ahead an answer may be due: a typing mistake in the year goes no further."""


def add(action: Action, incident: Incident) -> Done:
    """Ask a unit for something. The task's id is made of the act's, so that the same act again is the same task.

    Raises:
        RefusedError: the incident's state does not allow it, it has ``MAX_TASKS``, or an argument is missing or wrong.
    """
    check(incident, action.kind)
    if len(incident.tasks) >= MAX_TASKS:
        raise RefusedError(f"it has {MAX_TASKS} tasks")
    title, unit = text(action, "title", most=MAX_LINE), text(action, "unit", most=MAX_LINE)
    due = moment(action, "due")
    if due is None or due <= action.at or due > action.at + LONGEST:
        raise RefusedError("due must lie ahead, within a year")
    id_ = hashlib.sha256(f"{action.id}|{incident.id}".encode()).hexdigest()[:8]
    task = Task(id_, title, unit, due, action.at, action.actor)
    return Done({"tasks": (*incident.tasks, task)}, f"task {id_} given to {unit}", f"{unit}: {title}")


def answer(action: Action, incident: Incident) -> Done:
    """What the unit answered; a further answer is added to the ones before.

    Raises:
        RefusedError: there is no such task, it is done with, or the reply is missing or too long.
    """
    check(incident, action.kind)
    task, reply = _task(action, incident), text(action, "reply")
    if task.status not in {"open", "answered"}:
        raise RefusedError(f"task {task.id} is {task.status}")
    both = f"{task.reply}\n\n{reply}" if task.reply else reply
    if len(both) > MAX_TEXT:
        raise RefusedError(f"the replies to task {task.id} would have more than {MAX_TEXT} characters")
    answered = msgspec.structs.replace(
        task, status="answered", reply=both, replied_at=action.at, replied_by=action.actor
    )
    return Done(
        {"tasks": _with(incident, answered)}, f"task {task.id} answered by {task.unit}", f"{task.unit}: {task.title}"
    )


def close(action: Action, incident: Incident) -> Done:
    """The task is done, or nobody waits for it any more.

    Raises:
        RefusedError: there is no such task, it is done with already, or ``status`` is neither done nor dropped.
    """
    check(incident, action.kind)
    task, status = _task(action, incident), choice(action, "status", ("done", "dropped"))
    if task.status not in {"open", "answered"}:
        raise RefusedError(f"task {task.id} is {task.status} already")
    closed = msgspec.structs.replace(task, status="done" if status == "done" else "dropped")
    return Done({"tasks": _with(incident, closed)}, f"task {task.id} {status}", f"{task.unit}: {task.title} → {status}")


def overdue(task: Task, now: Micros) -> bool:
    """Whether the answer should be there and is not."""
    return task.status == "open" and task.due <= now


def _task(action: Action, incident: Incident) -> Task:
    id_ = text(action, "task", most=MAX_LINE)
    for task in incident.tasks:
        if task.id == id_:
            return task
    raise RefusedError(f"it has no task {id_}")


def _with(incident: Incident, changed: Task) -> tuple[Task, ...]:
    return tuple(changed if task.id == changed.id else task for task in incident.tasks)
