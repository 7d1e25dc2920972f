"""Measuring: metrics, conditions, labelled clips, reports, and the gate that every model has to pass.

Nothing here runs in the loop. Importing the package is cheap; `edge_bg.lab.run.evaluate` is the function behind
`edge-bg evaluate`, `edge_bg.lab.metrics` holds the definitions of every figure in a report.
"""
