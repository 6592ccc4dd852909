"""What a record of releases promises, checked with real processes against a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing.connection import Connection
from typing import Any

import pytest

from midrib.errors import UnknownNameError, UsageError
from midrib.state.records import Release
from midrib.state.releases import Releases
from midrib.testing.switching import (
    CREATED,
    NAME,
    context,
    open_together,
    publish,
    roll_back_and_forth,
    running,
    seen,
    stop_inside_switch,
    switch_in_turn,
    toggled,
)

_ANSWER_SECONDS = 30


class ReleasesContract:
    """Inherit, and override the fixture ``releases_url`` with an empty database's URL."""

    @pytest.fixture
    def releases_url(self) -> str:
        """The database to check."""
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def releases(self, releases_url: str) -> Iterator[Releases]:
        with Releases(releases_url) as opened:
            yield opened

    def test_starts_empty(self, releases: Releases) -> None:
        """A new database holds no names and no versions."""
        assert (releases.names(), releases.versions()) == ([], [])
        assert releases.next_version(NAME) == 1

    def test_keeps_what_was_published(self, releases: Releases) -> None:
        """A published version comes back as it was given, with its moment in UTC."""
        east = CREATED.astimezone(timezone(timedelta(hours=9)))
        given = releases.publish(
            "nuts", 3, location="s3://b/ö", manifest_sha256="a" * 64, run="r", created=east
        )
        found = releases.version("nuts", 3)
        assert found == given
        assert found.created.tzinfo is UTC
        assert found.as_record()["created"] == "2024-02-29T12:30:00+00:00"

    def test_lists_versions_in_order(self, releases: Releases) -> None:
        """Versions are listed by name and number, the next one is above the highest."""
        publish(releases, 10, 2, 1)
        releases.publish("nuts", 1, location="", manifest_sha256="", run="", created=CREATED)
        listed = [(each.name, each.version) for each in releases.versions()]
        assert listed == [("nuts", 1), (NAME, 1), (NAME, 2), (NAME, 10)]
        assert [each.version for each in releases.versions(NAME)] == [1, 2, 10]
        assert releases.names() == ["nuts", NAME]
        assert releases.next_version(NAME) == 11

    def test_publishing_again_changes_nothing(self, releases: Releases) -> None:
        """The same package under the same number is no error; another package is."""
        publish(releases, 1, 1)
        with pytest.raises(UsageError, match=f"version 1 of '{NAME}' is another .* as version 2"):
            releases.publish(
                NAME, 1, location="/x", manifest_sha256="b" * 64, run="r", created=CREATED
            )
        assert [each.location for each in releases.versions()] == [f"/packages/{NAME}/1"]

    def test_nothing_is_live_before_a_release(self, releases: Releases) -> None:
        """Publishing does not release."""
        publish(releases, 1)
        assert releases.live(NAME) is None

    def test_release_remembers_what_was_live(self, releases: Releases) -> None:
        """Each switch counts one generation and keeps the version before."""
        publish(releases, 1, 2)
        before = datetime.now(UTC)
        first, second = releases.release(NAME, 1), releases.release(NAME, 2)
        assert (first.version, first.previous, first.generation) == (1, None, 1)
        assert (second.version, second.previous, second.generation) == (2, 1, 2)
        assert before <= first.changed <= second.changed <= datetime.now(UTC)
        assert releases.live(NAME) == second

    def test_releasing_what_is_live_changes_nothing(self, releases: Releases) -> None:
        """Neither generation nor moment move when the version is live already."""
        publish(releases, 1)
        first = releases.release(NAME, 1)
        assert releases.release(NAME, 1) == first == releases.live(NAME)

    def test_rollback_swaps_the_two(self, releases: Releases) -> None:
        """A rollback brings the previous version back, a second one undoes the first."""
        publish(releases, 1, 2)
        releases.release(NAME, 1)
        releases.release(NAME, 2)
        back, forth = releases.rollback(NAME), releases.rollback(NAME)
        assert (back.version, back.previous, back.generation) == (1, 2, 3)
        assert (forth.version, forth.previous, forth.generation) == (2, 1, 4)
        assert releases.live(NAME) == forth

    def test_rollback_needs_an_earlier_release(self, releases: Releases) -> None:
        """Without a version to go back to, the error says why and what to do."""
        publish(releases, 1)
        with pytest.raises(UsageError, match=r"never been released.*midrib release"):
            releases.rollback(NAME)
        releases.release(NAME, 1)
        with pytest.raises(UsageError, match="no version live but 1"):
            releases.rollback(NAME)

    def test_names_are_apart(self, releases: Releases) -> None:
        """Switching one model leaves the others."""
        publish(releases, 1)
        releases.publish("nuts", 7, location="", manifest_sha256="", run="", created=CREATED)
        standing = releases.release("nuts", 7)
        releases.release(NAME, 1)
        assert releases.live("nuts") == standing

    @pytest.mark.parametrize("method", ["live", "versions", "rollback"])
    def test_unknown_names_get_near_matches(self, releases: Releases, method: str) -> None:
        """A name that was never published is refused with the nearest one."""
        publish(releases, 1)
        with pytest.raises(UnknownNameError, match=r"'screw'.*did you mean 'screws'\?"):
            getattr(releases, method)("screw")

    @pytest.mark.parametrize("method", ["version", "release"])
    def test_unknown_versions_get_the_known_ones(self, releases: Releases, method: str) -> None:
        """A version that was never published is refused with those that were."""
        publish(releases, 1, 2)
        with pytest.raises(UnknownNameError, match=r"no version 3; expected one of: 1, 2"):
            getattr(releases, method)(NAME, 3)
        with pytest.raises(UnknownNameError, match="did you mean 'screws'"):
            getattr(releases, method)("screw", 1)

    def test_outlives_its_process(self, releases: Releases, releases_url: str) -> None:
        """Whoever opens the record later finds what was left."""
        publish(releases, 1)
        left = releases.release(NAME, 1)
        with Releases(releases_url) as later:
            assert later.live(NAME) == left

    def test_many_may_open_a_new_database_at_once(self, releases_url: str) -> None:
        """Of processes that start together on an empty database none fails."""
        start, pipes = context.Barrier(4), [context.Pipe() for _ in range(4)]
        opening = [
            context.Process(target=open_together, args=(releases_url, start, there))
            for _, there in pipes
        ]
        with running(*opening):
            assert [_answer(here) for here, _ in pipes] == [[], [], [], []]

    def test_no_switch_is_lost(self, releases: Releases, releases_url: str) -> None:
        """Two processes that switch at once make one unbroken chain of generations."""
        publish(releases, 1, 2, 3, 4)
        times, start, pipes = 40, context.Barrier(2), [context.Pipe() for _ in range(2)]
        switching = [
            context.Process(target=switch_in_turn, args=(releases_url, pair, times, start, there))
            for pair, (_, there) in zip([(1, 2), (3, 4)], pipes, strict=True)
        ]
        with running(*switching):
            switches = [switch for here, _ in pipes for switch in _answer(here)]
        # No process repeats a version of its own, so that every call switches.
        switches.sort(key=lambda switch: switch.generation)
        assert [switch.generation for switch in switches] == list(range(1, 2 * times + 1))
        assert [switch.previous for switch in switches[1:]] == [
            switch.version for switch in switches[:-1]
        ]
        assert releases.live(NAME) == switches[-1]

    def test_readers_never_see_half_a_switch(self, releases: Releases, releases_url: str) -> None:
        """While two processes switch, every reading is one whole release, never an older one."""
        publish(releases, 1, 2)
        readings = [releases.release(NAME, 1), releases.release(NAME, 2)]
        pipes = [context.Pipe() for _ in range(2)]
        switching = [
            context.Process(target=roll_back_and_forth, args=(releases_url, there))
            for _, there in pipes
        ]
        with running(*switching):
            for here, _ in pipes * 20:
                _answer(here)
                readings += [_live(releases) for _ in range(3)]
        assert all(seen(reading) == toggled(reading.generation) for reading in readings)
        generations = [reading.generation for reading in readings]
        assert generations == sorted(generations)
        assert generations[-1] >= 2 + 40

    def test_a_kill_between_switches_leaves_whole_ones(
        self, releases: Releases, releases_url: str
    ) -> None:
        """After a kill at any moment, what was confirmed stands, and switching goes on."""
        publish(releases, 1, 2)
        releases.release(NAME, 1)
        releases.release(NAME, 2)
        here, there = context.Pipe()
        with running(context.Process(target=roll_back_and_forth, args=(releases_url, there))):
            confirmed = [_answer(here) for _ in range(10)]
        while here.poll():
            confirmed.append(here.recv())
        found, after = _live(releases), releases.rollback(NAME)
        assert found.generation - confirmed[-1].generation in {0, 1}
        assert after.generation > found.generation
        assert seen(found) == toggled(found.generation)
        assert seen(after) == toggled(after.generation)

    def test_a_kill_inside_a_switch_leaves_the_old_one(
        self, releases: Releases, releases_url: str
    ) -> None:
        """A switch that was written but not committed is seen by nobody and holds up nobody."""
        publish(releases, 1, 2)
        old = releases.release(NAME, 1)
        here, there = context.Pipe()
        with running(context.Process(target=stop_inside_switch, args=(releases_url, there))):
            assert _answer(here) == "written"
            assert releases.live(NAME) == old
        assert releases.live(NAME) == old
        assert seen(releases.release(NAME, 2)) == (2, 1)


def _answer(connection: Connection) -> Any:
    if not connection.poll(_ANSWER_SECONDS):
        pytest.fail(f"a process gave no answer within {_ANSWER_SECONDS} s")
    return connection.recv()


def _live(releases: Releases) -> Release:
    live = releases.live(NAME)
    assert live is not None
    return live
