"""Data sets: downloaded, generated, or the user's own; verified once and shared by all studies."""


rule dataset:
    output:
        data="results/datasets/{file}.npz",
        card="results/datasets/{file}.json",
    log:
        "results/logs/datasets/{file}.log",
    conda:
        "../../environment.yml"
    params:
        source=lambda wildcards: SOURCE_OF_FILE[wildcards.file],
    message:
        "data set {wildcards.file}: obtain and verify"
    shell:
        "python -m benchmarks fetch {params.source:q} --output {output.data} 2>&1 | tee {log} | "
        "sed -u 's/^progress: //'"
