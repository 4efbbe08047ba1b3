"""What a sweep of many users costs, beside a straightforward one: `make bench-sweep`.

Each size is an account of its own in the local cloud, in this process and over HTTP. Calls are
counted by the cloud and are what to go by; the seconds, of client and cloud together on one
machine, only compare two sweeps of one run. Time between the parts moves without being waited for.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_tea_openapi.models import Config

from shared import bootstrap, cleanup, rotation_runs
from tests.e2e.grant_building import Builder
from tests.integration.clouds import ADMIN_ID, ADMIN_SECRET, LocalCloud
from tests.integration.conftest import lead_to
from tests.life.living import Life

SIZES = (100, 1000, 5000)
BEGINS = "2026-01-01T00:02:00+00:00"
DUE_DAYS, LONG_DAYS = 20, 89
ROW = "{:>6}  {:<44}{:>8}{:>11}{:>9}"


class Bench:
    """One account with so many users, all but its own few with a live grant of ours; one in a
    hundred of them ends after `DUE_DAYS`."""

    def __init__(self, life: Life, users: int) -> None:
        self.life, self.users, self.due = life, users, max(1, users // 100)
        others = len(life.cloud.ram.users)
        life.cloud.choices.ram_policies_quota = users + 100  # as an account of that size has them
        for instance in life.cloud.kms.instances.values():
            instance.secret_quota = users + 100
        builder = Builder(life.ram, ImsClient(_config("ims.aliyuncs.com")),
                          KmsClient(_config("kms.cn-hangzhou.aliyuncs.com")), life._ledger_key(),
                          bootstrap.assets(life.settings), bootstrap.templates())  # fmt: skip
        days = [DUE_DAYS if n < self.due else LONG_DAYS for n in range(users - others)]
        builder.make_all([builder.plan(f"app{n:04}", "zoe", ttl_seconds=86_400 * each)
                          for n, each in enumerate(days)])  # fmt: skip

    def rows(self) -> Iterator[str]:
        """The parts in their order, each a line of the table as soon as it is there."""
        yield self._row("straightforward, nothing due", lambda: straightforward(self.life.ram))
        yield self._row("quick sweep, nothing due", self._sweep)
        yield self._row("deep sweep, nothing due", lambda: self._sweep(quick=False))
        day = self._row("daily looks of one day, nothing due", self._day)
        assert not self._changes(), "something was due"
        yield day
        self.life.sleep(DUE_DAYS * 86_400)
        yield self._row(f"quick sweep, {self.due} grants over", self._until_done, per=self.due)
        left = len(self.life.cloud.ram.users)
        assert left == self.users - self.due, f"{left} users are left"

    def _row(self, what: str, work: Callable[[], object], per: int = 0) -> str:
        history = self.life.cloud.history
        calls, began = len(history.since()), time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        made = len(history.since()) - calls
        each = f"{made / per:.1f}/due" if per else f"{made / self.users:.2f}/user"
        return ROW.format(self.users, what, made, each, f"{seconds:.1f} s")

    def _sweep(self, *, quick: bool = True) -> int:
        run = self.life._sweep()
        run.quick = quick
        cleanup.sweep(run)
        return run.counts["end grant"]

    def _until_done(self) -> None:
        """A sweep ends no more grants than its cap; the next timers go on."""
        while self._sweep():
            self.life.sleep(600)

    def _day(self) -> None:
        """What `akw-rotate` and `akw-cleanup` look at by their hourly timers."""
        start = self.life.now
        for hour in range(rotation_runs.HOURS):
            at = start + timedelta(hours=hour)
            self.life.go_to(at)
            self.life.turn(at)
            self.life.look(at)

    def _changes(self) -> list[str]:
        """What any of our roles has changed, but for rows of the audit."""
        return [
            call["action"] for call in self.life.cloud.history.since()
            if call["changed"] and "/akw-" in call["principal"] and call["product"] != "sls"
        ]  # fmt: skip


def straightforward(ram: RamClient) -> None:
    """As scanners do it: every user, its keys, and the last use of each."""
    marker = None
    while True:
        page = ram.list_users(ram_models.ListUsersRequest(marker=marker, max_items=1000)).body
        for user in page.users.user:
            request = ram_models.ListAccessKeysRequest(user_name=user.user_name)
            for key in ram.list_access_keys(request).body.access_keys.access_key:
                ram.get_access_key_last_used(ram_models.GetAccessKeyLastUsedRequest(
                    user_name=user.user_name, user_access_key_id=key.access_key_id))  # fmt: skip
        if not page.is_truncated:
            return
        marker = page.marker


def _config(host: str) -> Config:
    return Config(access_key_id=ADMIN_ID, access_key_secret=ADMIN_SECRET, endpoint=host,
                  protocol="http", region_id="cn-hangzhou")  # fmt: skip


@contextmanager
def lives() -> Iterator[Life]:
    """A local cloud that this process's clients are led to, and time that moves by sleeping."""
    running = LocalCloud()
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
            patch.delenv(name)
        lead_to(running.port, patch)
        with (time_machine.travel(BEGINS, tick=True) as traveller,
              mock.patch("time.sleep", traveller.shift)):  # fmt: skip
            yield Life(running, traveller)
    running.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-sweep")
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="how many users")
    tell = sys.stdout.write
    tell(ROW.format("USERS", "WHAT", "CALLS", "EACH", "TIME") + "\n")
    for users in parser.parse_args().sizes:
        with lives() as life:
            for row in Bench(life, users).rows():
                tell(row + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
