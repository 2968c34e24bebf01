"""The study file: TOML, validated once, frozen ever after.

dimensions   one parameter of the space: a value, choices, or a range
data         [data] and [[data.join]]: prices, and when their markets close
engines      the names of engines
space        [space]: one description of each parameter
sections     the other sections
study        what they make together
reading      from the file to a `StudyFile`, and its faults in words
"""

from rnnsearch.config.data import (
    DataSection,
    JoinSection,
    MarketSection,
    Predict,
    Sample,
)
from rnnsearch.config.dimensions import (
    FloatRange,
    IntRange,
    LengthRange,
    Section,
    drawn,
    extremes,
)
from rnnsearch.config.reading import (
    digest,
    find_study,
    home,
    kernels_folder,
    load_study,
    sample_studies,
    study_of,
)
from rnnsearch.config.sections import InputsSection, Precision
from rnnsearch.config.space import CellName, ScalerKind, SpaceSection
from rnnsearch.config.study import StudyFile

__all__ = [
    "CellName",
    "DataSection",
    "FloatRange",
    "InputsSection",
    "IntRange",
    "JoinSection",
    "LengthRange",
    "MarketSection",
    "Precision",
    "Predict",
    "Sample",
    "ScalerKind",
    "Section",
    "SpaceSection",
    "StudyFile",
    "digest",
    "drawn",
    "extremes",
    "find_study",
    "home",
    "kernels_folder",
    "load_study",
    "sample_studies",
    "study_of",
]
