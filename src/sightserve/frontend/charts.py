"""The web app's charts."""

from collections.abc import Sequence

import altair as alt

from sightserve.api.schema import RankedLabel

_BAR = "#3d6fd9"
_BAR_REST = "#a9bfec"


def ranking(labels: Sequence[RankedLabel]) -> alt.LayerChart | alt.FacetChart:
    """Return horizontal bars, most probable on top, each with its name and its probability in per cent."""
    rows = [
        {"label": entry.label, "probability": entry.probability, "text": f"{entry.probability:.1%}", "rank": rank}
        for rank, entry in enumerate(labels)
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y(
            "label:N", sort=alt.SortField("rank"), title=None, axis=alt.Axis(labelLimit=220, ticks=False, domain=False)
        ),
        x=alt.X("probability:Q", scale=alt.Scale(domain=[0, 1.12]), axis=None),
        tooltip=[alt.Tooltip("label:N", title="Label"), alt.Tooltip("text:N", title="Probability")],
    )
    bars = base.mark_bar(cornerRadiusEnd=4, height=20).encode(
        color=alt.condition(alt.datum.rank == 0, alt.value(_BAR), alt.value(_BAR_REST))
    )
    numbers = base.mark_text(align="left", dx=6).encode(text="text:N")
    described = ", ".join(f"{row['label']} {row['text']}" for row in rows)
    return alt.layer(bars, numbers).properties(height=36 * len(rows), description=f"Probabilities: {described}")
