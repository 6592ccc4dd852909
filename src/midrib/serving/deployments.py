"""The models that a server answers for, by name, and which version of each is live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from midrib.errors import MidribError, OverloadedError, UsageError
from midrib.names import unknown_name
from midrib.serving.jobs import Outcome
from midrib.serving.loading import Live


class Deployment:
    """One name and its live version. Belongs to one event loop."""

    def __init__(self, name: str, live: Live) -> None:
        self.name = name
        self.live = live
        self.problem: MidribError | None = None
        """Why the release that was asked for is not live."""

    async def ask(self, pictures: Sequence[bytes], deadline: float) -> tuple[Live, list[Outcome]]:
        """The version that answered, and what became of each picture."""
        # Nothing is awaited between the look at what is live and the hand-over, and switching is
        # done by the same loop, so that no picture is given to a version that is being drained.
        live = self.live
        try:
            return live, await live.replica.submit(pictures, deadline)
        except OverloadedError as refusal:
            return live, [refusal] * len(pictures)

    def switch(self, live: Live) -> Live:
        """Answer by ``live`` from now on; gives the version before, which still has work."""
        before, self.live, self.problem = self.live, live, None
        return before

    def close(self) -> None:
        """End the replica that is live, once it has answered what it holds. Blocks."""
        self.live.replica.close()


class Deployments(Mapping[str, Deployment]):
    """Deployments by name. Raises ``UsageError`` when two have the same one."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._by_name: dict[str, Deployment] = {}
        for deployment in deployments:
            if deployment.name in self._by_name:
                raise UsageError(
                    f"two of the targets are called '{deployment.name}'",
                    expected="each name once",
                    todo="leave one out",
                )
            self._by_name[deployment.name] = deployment

    def __getitem__(self, name: str) -> Deployment:
        """Raises ``UnknownNameError`` with the names that there are."""
        if name not in self._by_name:
            raise unknown_name("model", name, self._by_name)
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)
