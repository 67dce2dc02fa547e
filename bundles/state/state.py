"""The service that the application uses."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from threading import get_ident
from types import TracebackType
from typing import Any, Self, TypeVar

from injector import inject

from bundles.state.checks import (
    check_delay,
    check_listener,
    check_watched,
    increment_of,
    run_of,
    set_of,
)
from bundles.state.entries import Unit
from bundles.state.exceptions import (
    StateConflictException,
    StateFullException,
    StateUnavailableException,
)
from bundles.state.limits import Limits
from bundles.state.log import StateLog
from bundles.state.operations import Delete, Operation
from bundles.state.paths import parts_of
from bundles.state.replica import Replica
from bundles.state.settings import StateSettings
from bundles.state.threads import check_thread
from bundles.state.transaction import CONFLICT, Transaction
from bundles.state.turns import Turn, Turns
from bundles.state.values import SCALARS, check_number, copy_of
from bundles.state.watchers import Listener, Watcher, Watchers

T = TypeVar("T")

_LONGEST_TRY = 1.0
"""Seconds for which other transactions wait; a fifth of ``state.commit_timeout`` if that is less:
they must be decided in that time, too."""


class State:
    """Values by dotted path, which all processes share.

    A change is visible here at once and in the other processes soon. All processes carry the
    changes out in one order, so they come to the same values: increments add up, and of several
    values that were set the last one in this order stays. Use it in the thread of the event loop.

    A value is JSON: a str, an int of at most 64 bits, a float, a bool, a list or a dict. A dict
    is a subtree, whose keys are the next parts of the path. None means that there is no value, and
    so does a dict without keys.
    """

    @inject
    def __init__(self, log: StateLog, settings: StateSettings) -> None:
        self._log = log
        self._settings = settings
        self._limits = Limits(settings)
        self._replica = Replica(uuid.uuid4().hex[:16], self._notify)
        longest = min(_LONGEST_TRY, settings.commit_timeout / 5)
        self._turns = Turns(self._replica, self._submit, longest)
        self._watchers = Watchers(self._value_at, self._activate)
        self._tree = self._replica.tree
        self._cache = self._tree.cache
        self._thread: int | None = None
        self._has_ended = False

    # Reading

    def get(self, path: str, default: Any = None) -> Any:
        """The value at *path*, or *default*; all values as one dict if *path* is empty. Changes of
        the returned dict or list change nothing here. It reads memory of the process.

        Raises:
            TypeError, ValueError: *path* is not a path.
        """
        found = self._cache.get(path) if type(path) is str else None
        if found is not None:
            return found
        if path == "":
            return copy_of(self._tree.root) or default
        found = self._tree.find(parts_of(path))
        if found is None:
            return default
        if type(found) in SCALARS:
            self._tree.remember(path, found)
            return found
        return copy_of(found)

    def subscribe(self, path: str, listener: Listener) -> Watcher:
        """Call ``listener(path, value, is_remote)`` when the value at *path*, or something in it,
        has changed. *value* is None if there is no value any more, and *is_remote* tells whether
        another process has changed it. The listener may be async.

        Raises:
            TypeError, ValueError: *path* or *listener* is not allowed. There are no patterns.
        """
        check_thread(self._thread)
        check_watched(path)
        check_listener(listener)
        return self._watchers.subscribe(path, listener)

    def watch(self, prefix: str, listener: Listener) -> Watcher:
        """Call ``listener(path, value, is_remote)`` for each value at or below *prefix* that has
        changed and is not a dict; for all values if *prefix* is empty. See `subscribe`."""
        check_thread(self._thread)
        if prefix:
            check_watched(prefix)
        check_listener(listener)
        return self._watchers.watch(prefix, listener)

    # Changes

    def set(self, path: str, value: Any, *, delay: float = 0.0) -> None:
        """Replace what is at *path*.

        Args:
            path: no value may be above it, such as a list at ``a`` for the path ``a.0``.
            value: see `State`.
            delay: seconds that the change may wait for others, with which it is sent; at most a
                day.

        Raises:
            TypeError, ValueError: *path* or *value* is not allowed, or a value is above *path*.
            StateFullException: a limit of the settings would be exceeded.
        """
        operation = set_of(path, value, self._settings.max_value_size, self._tree)
        self._change(operation, delay)

    def increment(self, path: str, by: float = 1, *, delay: float = 0.0) -> int | float:
        """Add *by*, and return the number that this process sees then. A path without a value
        counts as 0. Increments of several processes add up.

        Raises:
            TypeError: the value is not a number, or one is above *path*.
            OverflowError: the number would have more than 64 bits.
            ValueError, StateFullException: see `set`.
        """
        operation = increment_of(path, by, self._tree)
        self._change(operation, delay)
        number: int | float = self._tree.find(operation.parts)
        return number

    def decrement(self, path: str, by: float = 1, *, delay: float = 0.0) -> int | float:
        """Subtract *by*. See `increment`."""
        return self.increment(path, -check_number(by, path), delay=delay)

    def delete(self, path: str, *, delay: float = 0.0) -> None:
        """Remove what is at *path*, if there is something. See `set`."""
        self._change(Delete(path, parts_of(path)), delay)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """``async with state.transaction() as t:`` makes the changes of *t* together, at the end
        of the block, if nothing that *t* has read was changed meanwhile. An exception in the block
        discards them. While `transact` takes turns, the block waits for its turn before it begins,
        but not longer than a second.

        Raises:
            StateConflictException: something was changed; nothing was carried out.
            StateUnavailableException: it was not decided within ``state.commit_timeout``.
        """
        self._check_use()
        with self._turns.turn() as turn:
            if self._turns.is_crowded and await turn.begins_soon():
                async with self._attempt(turn) as transaction:
                    yield transaction
                return
        async with self._attempt(None) as transaction:
            yield transaction

    async def transact(self, function: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run *function* in a transaction, again if it conflicts with others, and return its
        result. After the first conflict it runs in its turn: others of `transact` that have
        conflicted, in this process or another one, wait for it meanwhile, but not longer than a
        second.

        Raises:
            TypeError: *function* is not async.
            StateConflictException: it conflicted ``state.attempts`` times.
            StateUnavailableException: the wait of one try, for its turn and until it is decided,
                was longer than ``state.commit_timeout``.
        """
        attempts = self._settings.attempts
        if not self._turns.is_crowded:
            try:
                return await self._run(function, None)
            except StateConflictException:
                attempts -= 1
                if not attempts:
                    raise
        with self._turns.turn() as turn:
            for _ in range(attempts - 1):
                try:
                    return await self._run(function, turn)
                except StateConflictException:
                    turn.claim()
            return await self._run(function, turn)

    async def flush(self) -> None:
        """Return when everything that this process has changed so far is ordered with the changes
        of the others.

        Raises:
            StateUnavailableException: it was not within ``state.commit_timeout``; changes that
                remain are sent later.
        """
        self._check_use()
        if self._replica.own.is_pending:
            decided: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            unit = Unit([], {}, _resolver(decided))
            await self._decide(unit, decided, self._settings.commit_timeout)

    # Life

    async def __aenter__(self) -> Self:
        self._thread = get_ident()
        await self._log.start(self._replica)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._has_ended = True
        await self._log.stop()
        await self._watchers.stop()

    def _check_use(self) -> None:
        check_thread(self._thread)
        if self._has_ended:
            raise RuntimeError(
                "the application has stopped, so the state takes no changes any more"
            )

    def _change(self, operation: Operation, delay: float) -> None:
        self._check_use()
        if delay:
            check_delay(delay)
        self._check_pending()
        if not self._replica.change(operation, self._limits.fits):
            raise self._limits.error(f"{operation.path!r} does not fit")
        self._log.changed(delay)

    def _check_pending(self) -> None:
        limit = self._settings.max_pending_size
        if self._replica.own.size > limit:
            raise StateFullException(
                f"changes of {self._replica.own.size} bytes wait for Redis; "
                f"state.max_pending_size is {limit}"
            )

    async def _run(self, function: Callable[[Transaction], Awaitable[T]], turn: Turn | None) -> T:
        self._check_use()
        waited = 0.0 if turn is None else await self._begin(turn)
        async with self._attempt(turn, waited) as transaction:
            result: T = await run_of(function, transaction)
            return result

    @asynccontextmanager
    async def _attempt(self, turn: Turn | None, waited: float = 0.0) -> AsyncIterator[Transaction]:
        """Run one try in *turn*, for which it has *waited* these seconds."""
        self._check_use()
        patience = self._settings.commit_timeout - waited
        transaction = Transaction(self._replica, self._settings.max_value_size)
        try:
            yield transaction
        except BaseException:
            transaction.rollback()
            raise
        await self._commit(transaction, turn, patience)

    async def _begin(self, turn: Turn) -> float:
        """Wait until a try may begin in *turn*; return how many seconds that took.

        Raises:
            StateUnavailableException: it would take longer than ``state.commit_timeout``.
        """
        loop, limit = asyncio.get_running_loop(), self._settings.commit_timeout
        began = loop.time()
        try:
            async with asyncio.timeout(limit):
                await turn.begin()
        except TimeoutError as exc:
            reason = self._log.problem or "others that conflict come first"
            raise StateUnavailableException(
                f"the turn of the transaction did not come within {limit} seconds: {reason}; "
                f"nothing was carried out",
                is_unknown=False,
            ) from exc
        return loop.time() - began

    async def _commit(self, transaction: Transaction, turn: Turn | None, patience: float) -> None:
        decided: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        claim = False if turn is not None and turn.is_claimed else None
        unit = transaction.end(_resolver(decided), claim)
        if unit is None:
            return
        self._check_pending()
        if not self._replica.would_fit(unit.operations, self._limits.fits):
            raise self._limits.error("the changes of the transaction do not fit")
        if not await self._decide(unit, decided, patience):
            raise StateConflictException(CONFLICT)
        if turn is not None:
            turn.carried_out()

    async def _decide(self, unit: Unit, decided: asyncio.Future[bool], patience: float) -> bool:
        self._check_use()
        self._submit(unit)
        try:
            async with asyncio.timeout(patience):
                return await decided
        except TimeoutError as exc:
            raise self._late(unit, is_withdrawn=self._replica.own.withdraw(unit)) from exc
        except asyncio.CancelledError:
            self._replica.own.withdraw(unit)
            raise

    def _submit(self, unit: Unit) -> None:
        self._replica.own.submit(unit)
        self._log.changed(0.0)

    def _late(self, unit: Unit, *, is_withdrawn: bool) -> StateUnavailableException:
        reason = self._log.problem or "Redis is slow"
        limit = f"within {self._settings.commit_timeout} seconds: {reason}"
        if not unit.operations:  # of `flush`
            return StateUnavailableException(
                f"the changes were not sent {limit}; they are kept here, and sent later",
                is_unknown=True,
            )
        outcome = "nothing was carried out" if is_withdrawn else "it may be carried out later"
        return StateUnavailableException(
            f"the transaction was not decided {limit}; {outcome}", is_unknown=not is_withdrawn
        )

    def _notify(self, notes: Any) -> None:
        self._watchers.changed(notes)

    def _value_at(self, path: str) -> Any:
        return self._tree.find(parts_of(path))

    def _activate(self, is_watched: bool) -> None:
        self._replica.is_watched = is_watched


def _resolver(decided: "asyncio.Future[bool]") -> Callable[[bool], None]:
    def resolve(is_committed: bool) -> None:
        if not decided.done():
            decided.set_result(is_committed)

    return resolve
