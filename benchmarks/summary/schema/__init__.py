"""The schema of results: every table, every column, its type, unit and meaning, and which columns are keys.

All that writes or reads a table of results takes its columns from here, and `docs/columns.md` is printed
from here; the tables of a comparison are in `compare.schema`. `throughput` and `identity` lie below this
package: what they write of a timing, a certificate or a test is a type there (`Timing`, `Certificate`,
`Equivalence`), and the tests hold its fields to the columns here. The digest of the code behind a measurement
so does not change with a sentence about a column.
"""

from benchmarks.summary.schema.certificates import CERTIFICATES, EQUIVALENCE
from benchmarks.summary.schema.inside import CHECKPOINTS, INTERPOLATION, LANDSCAPE
from benchmarks.summary.schema.searches import BATCH_SIZES, CRITICAL_BATCH, RATES, TRIALS
from benchmarks.summary.schema.timings import MEMORY_FIT, THROUGHPUT
from benchmarks.summary.schema.trainings import CURVES, RUNS, SUMMARY, TARGETS

VERSION = 5
"""Of all tables together; `provenance.json` holds it. Results that do not tell theirs have the first."""
OF_A_STUDY = [SUMMARY, THROUGHPUT, RUNS, CURVES, TARGETS, MEMORY_FIT]
"""The files of tables in the results folder of a study."""
OF_TUNING = [RATES, TRIALS, CRITICAL_BATCH]
"""Those that only a study with tuned arms has."""
OF_AUTO = [BATCH_SIZES]
"""Those that only a study with `batch_sizes: auto` has."""
OF_ANALYSES = [CHECKPOINTS, INTERPOLATION, LANDSCAPE]
"""Those that only a study with `analyses` has."""
OF_SOME = [*OF_TUNING, *OF_AUTO, *OF_ANALYSES]
TABLES = [*OF_A_STUDY, *OF_SOME, CERTIFICATES, EQUIVALENCE]
