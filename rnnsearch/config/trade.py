"""[trade]: how the champion's forecasts are followed with money, on paper."""

from typing import Literal

from pydantic import Field

from rnnsearch.config.dimensions import Section


class TradeSection(Section):
    """How the champion's forecasts are traded on the locked rows, on paper, and at what cost.

    It changes no trial and no champion.
    """

    position: Literal["scaled", "sign", "costs", "none"] = Field(
        default="scaled",
        description="What a forecast wants: a share of the capital, by the forecast over "
        "volatility; all of it, by its sign; all of it where the forecast exceeds what trading it "
        "costs; none: nothing is traded.",
    )
    sides: Literal["long_short", "long_only"] = Field(
        default="long_short", description="Whether a fall that is forecast is sold short."
    )
    entry: Literal["close", "open"] = Field(
        default="close",
        description="close: at the close that the forecast is made from, so it has to be there "
        "just before; open: at the next open.",
    )
    cost: float = Field(
        default=5.0,
        ge=0,
        le=1000,
        description="Of a trade, in basis points (0.01 %) of what is bought or sold, per side.",
    )
    borrow: float = Field(
        default=0.0, ge=0, le=1000, description="Percent a year on what is sold short."
    )
    cash: float = Field(
        default=0.0,
        gt=-50,
        le=1000,
        description="Percent a year on cash; a gain is measured against it.",
    )
