"""Names in letters that no font of this machine has: text in the image, and no warning."""

from matplotlib.figure import Figure

from rnnsearch.report.figures.images import as_svg


def test_a_name_without_a_glyph_is_text_and_warns_of_nothing() -> None:
    figure = Figure()
    figure.subplots().set_title("成交金額 \U0001f4b9")
    assert "成交金額" in as_svg(figure)
