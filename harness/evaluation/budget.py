"""Stop asking a model for samples once a run has cost what it may.

Requests under way are answered and kept, so a run can cost a little more than its limit: what the requests cost that a
server answers side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..config import RunConfig
from ..errors import UsageError
from ..metrics.cost import TokenCount
from ..types import Request, Sample


def check_limit(config: RunConfig) -> None:
    """Refuse a limit without a price, or for several runs at once.

    Raises:
        UsageError: it is one.
    """
    if config.max_cost is None:
        return
    if config.price is None:
        raise UsageError(f"max_cost is {config.max_cost:g} and no price is given; add --price IN,OUT")
    if config.repeat > 1 or config.lora:
        raise UsageError("max_cost is the limit of one run; leave out repeat and lora, which make several")


class Budget:
    """The money that a run may still spend; samples of earlier starts count."""

    def __init__(self, config: RunConfig, model: Mapping[str, Any], samples: Iterable[Sample]) -> None:
        assert config.price is not None
        self._model, self._price, self._max_cost = config.model, config.price, config.max_cost
        self._count = TokenCount(model)
        for sample in samples:
            self._count.add(sample)

    @property
    def spent(self) -> bool:
        """Tell whether nothing more may be asked.

        Raises:
            UsageError: the model reports no token counts.
        """
        if self._count.unknown:
            raise UsageError(
                f'model "{self._model}" reports no token counts, so what it costs is unknown; leave --max-cost out'
            )
        return self._count.build_cost(self._price, self._max_cost).is_reached

    @property
    def stops_at_once(self) -> bool:
        """Tell whether requests under way may be dropped: a server bills them, a local engine does not."""
        return self.spent and not self._count.per_request

    def record_sample(self, sample: Sample) -> None:
        """Count what a sample cost."""
        self._count.add(sample)

    def limit_requests(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Yield requests while there is money; those to a server one sample at a time, so that none is too many."""
        for request in requests:
            sizes = [1] * request.count if self._count.per_request else [request.count]
            for offset, count in enumerate(sizes):
                if self._count.unknown or self.spent:
                    return
                yield replace(request, start=request.start + offset, count=count, seed=request.seed + offset)
