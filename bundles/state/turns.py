"""Transactions that conflict run one after the other, in each process and among all of them.

At first a transaction runs whenever it is called. After a conflict it waits for its turn among
those of its process. If it conflicts in its turn, too, its process claims the next turn of all
processes. The claims are in the log, so all processes know them in one order: each lets those
before it pass, and takes its own place behind them.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bundles.state.entries import Unit
from bundles.state.replica import Replica


class Turns:
    """The turns of one process.

    Args:
        submit: writes to the log.
        longest: seconds that others wait for one try.
    """

    def __init__(self, replica: Replica, submit: Callable[[Unit], None], longest: float) -> None:
        self.replica = replica
        self.submit = submit
        self.longest = longest
        self.places = asyncio.Lock()
        self.claimed: set[Turn] = set()
        self._moved = asyncio.Event()
        self._since = 0.0
        replica.claims.changed = self._move

    @property
    def is_crowded(self) -> bool:
        """Whether a new transaction had better wait for its turn: another process comes first, or
        a transaction of this one that has claimed a turn, unless it has lost it by its length."""
        return not self.is_free or (bool(self.claimed) and self.places.locked())

    @property
    def is_free(self) -> bool:
        """Whether no other process comes first."""
        return self.replica.claims.first in (None, self.replica.own.process)

    @contextmanager
    def turn(self) -> Iterator["Turn"]:
        """For one transaction, with all its tries."""
        turn = Turn(self)
        try:
            yield turn
        finally:
            turn.end()

    async def pass_others(self) -> None:
        """Wait for the processes that come first, for each at most the longest time: it may have
        been killed."""
        claims = self.replica.claims
        while not self.is_free:
            first = claims.first
            self._moved.clear()
            try:
                async with asyncio.timeout_at(self._since + self.longest):
                    await self._moved.wait()
            except TimeoutError:
                if first is not None and first == claims.first:
                    claims.note(first, False)

    def _move(self) -> None:
        self._since = asyncio.get_running_loop().time()
        self._moved.set()


class Turn:
    """See `Turns.turn`."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._has_place = False
        self._limit: asyncio.TimerHandle | None = None
        self._claimed: Unit | None = None

    @property
    def is_claimed(self) -> bool:
        return self._claimed is not None

    async def begin(self) -> None:
        """Wait until a try may begin."""
        turns = self._turns
        if self._limit is not None:
            self._limit.cancel()
        if not self._has_place:
            await turns.places.acquire()
            self._has_place = True
        if not turns.is_free:
            self.claim()
            await turns.pass_others()
        self._limit = asyncio.get_running_loop().call_later(turns.longest, self._leave)

    async def begins_soon(self) -> bool:
        """As `begin`, but wait for the longest time at most; return whether the turn has come."""
        try:
            async with asyncio.timeout(self._turns.longest):
                await self.begin()
        except TimeoutError:
            return False
        return True

    def claim(self) -> None:
        """Let the other processes wait, until the transaction is carried out."""
        if self._claimed is None:
            self._claimed = Unit([], {}, claim=True)
            self._turns.claimed.add(self)
            self._turns.submit(self._claimed)

    def carried_out(self) -> None:
        """The log has the transaction, and with it the end of the claim."""
        if self._claimed is not None:
            self._drop_claim()

    def end(self) -> None:
        """Let the next one begin."""
        self._leave()
        if self._limit is not None:
            self._limit.cancel()
        if self._claimed is not None and not self._turns.replica.own.withdraw(self._claimed):
            self._turns.submit(Unit([], {}, claim=False))
            self._drop_claim()
        self._turns.claimed.discard(self)

    def _drop_claim(self) -> None:
        """The claim of the process ends with this one: other turns of it claim again."""
        self._claimed = None
        self._turns.claimed.discard(self)
        for other in list(self._turns.claimed):
            other._claim_again()

    def _claim_again(self) -> None:
        if self._claimed is not None:
            self._turns.replica.own.withdraw(self._claimed)
        self._claimed = None
        self.claim()

    def _leave(self) -> None:
        if self._has_place:
            self._has_place = False
            self._turns.places.release()
