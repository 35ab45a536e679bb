"""Time of one training step against batch size, in both executions."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
