"""A request as ROS 2 sees it: the goal of an action, its status, and the answer to a cancel."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from messages.ledger import Status


class GoalStatus(IntEnum):
    """Status of a goal; ids of action_msgs/GoalStatus, and one that ROS 2 has not."""

    UNKNOWN = 0
    ACCEPTED = 1
    """The ledger has it: it waits for a worker, or (`RequestHandle.retrying`) for the next one."""
    EXECUTING = 2
    CANCELING = 3
    """The instrument was asked to stop and is not at rest yet."""
    SUCCEEDED = 4
    CANCELED = 5
    ABORTED = 6
    """It failed, expired before anyone began, or was abandoned by a person."""
    LOST = 20
    """Its instrument vanished in mid-action (`held`): a person decides how it goes on."""

    @property
    def terminal(self) -> bool:
        """Whether nothing follows."""
        return self in (GoalStatus.SUCCEEDED, GoalStatus.CANCELED, GoalStatus.ABORTED)


GOAL_STATUS: Final[dict[Status, GoalStatus]] = {
    Status.PENDING: GoalStatus.ACCEPTED,
    Status.RESERVED: GoalStatus.ACCEPTED,
    Status.RUNNING: GoalStatus.EXECUTING,
    Status.CANCELING: GoalStatus.CANCELING,
    Status.HELD: GoalStatus.LOST,
    Status.RESOLVED: GoalStatus.SUCCEEDED,
    Status.RETRACTED: GoalStatus.CANCELED,
    Status.FAILED: GoalStatus.ABORTED,
    Status.EXPIRED: GoalStatus.ABORTED,
    Status.ABANDONED: GoalStatus.ABORTED,
}
"""What each status of a request is to a client of an action."""


class CancelCode(IntEnum):
    """Answer to a cancel (action_msgs/srv/CancelGoal)."""

    NONE = 0
    """Accepted: it is cancelled, or its instrument is on its way to rest (CANCELING)."""
    REJECTED = 1
    """It goes on; the reason says why."""
    UNKNOWN_GOAL = 2
    TERMINATED = 3
    """It had ended before."""


class CancelAnswer(NamedTuple):
    """Code and words; true where the cancel was accepted."""

    code: CancelCode
    reason: str = ""

    def __bool__(self) -> bool:
        return self.code is CancelCode.NONE


class Feedback(NamedTuple):
    """A worker's word on its way.

    Attributes:
        fraction: 0 to 1, None where unknown.
        text: What is being done.
        worker: ``site/node``.
    """

    fraction: float | None
    text: str
    worker: str
