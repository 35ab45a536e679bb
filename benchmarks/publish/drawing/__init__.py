"""What the figures are drawn with: axes, panels, series, labels and looks."""
