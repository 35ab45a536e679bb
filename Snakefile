"""What batch size does to training; `snakemake --cores all` runs the study in config/config.yaml."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

if not Path(workflow.basedir).samefile(Path.cwd()):
    sys.exit(
        f"error: {Path.cwd()} is not the folder of Batch Atlas\n  fix: cd {workflow.basedir}"
    )

# With --configfile, the default study is not loaded: merged, the two would describe a third grid.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "workflows/rules/common.smk"
include: "workflows/rules/data.smk"
include: "workflows/rules/identity.smk"
include: "workflows/rules/measure.smk"
include: "workflows/rules/analysis.smk"
include: "workflows/rules/publish.smk"
include: "workflows/rules/compare.smk"


rule all:
    default_target: True
    input:
        # Everything that a reader may look for is listed, so that what was deleted is made again.
        rules.report.output,
        rules.tables.output,
        rules.figures.output,
        rules.summarise.output,
        rules.identity.output,
        rules.certify.output,
        rules.certify.input,
        CARDS,
        TUNED,
        rules.throughput.output,
        expand(f"{RESULTS}/runs/{{name}}.json", name=REPLICATES),
        ANALYSES,
