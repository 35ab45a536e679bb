"""What batch size does to training; `snakemake --cores all` runs the study in config/config.yaml."""

from snakemake.utils import min_version

min_version("9.0")

# With --configfile, the default study is not loaded: merged, the two would describe a third grid.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "workflows/rules/common.smk"
include: "workflows/rules/data.smk"
include: "workflows/rules/identity.smk"
include: "workflows/rules/measure.smk"
include: "workflows/rules/publish.smk"
include: "workflows/rules/compare.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/tables",
        f"{RESULTS}/figures",
        # Listed here so that a deleted record or timing is computed again.
        f"{RESULTS}/throughput.csv",
        expand(f"{RESULTS}/runs/{{cell}}.json", cell=PLANS),
