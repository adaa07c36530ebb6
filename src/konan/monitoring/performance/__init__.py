"""How good a model's answers were, by the truths that came: exact summaries that add, and metrics of them.

- `shape.Shape.of(output)` says what is counted of the answers of a version.
- `pairs.Pairs` holds rows with their truth, and `summary.summary_of(shape, pairs)` counts them;
  `summary.empty(shape)` counts none. A summary is a
  `ClassSummary`, a `ValueSummary` or, where answers are neither classes nor one number, a `CountSummary`; all
  have ``rows``, ``labelled``, ``share``, ``delays``, ``merge``, ``to_bytes``; `summary.from_bytes` reads one.
- `metrics.metrics(summary, settings)` gives `konan.records.performance.MetricValue` of it, with intervals;
  `metrics.Settings` holds alpha, the positive class, and whether somebody keeps looking.
- `metrics.confusion(summary)`, `calibration.curve(summary)`, `metrics.with_threshold(summary, threshold)`,
  `thresholds.at(summary, threshold)` and `thresholds.all_of(grid)` (of `thresholds.grid_of(summary)`) give
  what is behind them.
- `windows.PerformanceWindows(directory).read(deployment, version, role, span, shape, segment)` gives the
  start and the summary of consecutive windows, one after another; `windows.state_of` tells how far a
  window's truths are.

The process that changes the tables counts, beside the profiles (`konan.monitoring.profiles.targets`): of each
row of which the truth is known, with the revision that counts now; copies that challengers answered count
with the truth of their original. Everything that is counted is a whole number, so that any order of
predictions, truths and revisions gives the same bytes, and so does an erasure the same as if the erased rows
had never been.
"""
