"""Data sets: downloaded, generated, or the user's own; verified once and shared by all studies."""


rule dataset:
    output:
        "results/datasets/{dataset}.npz",
    log:
        "results/logs/datasets/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        source=lambda wildcards: SOURCES[wildcards.dataset],
        code=code_of_dataset,
        fingerprint=fingerprint_of_dataset,
    message:
        "data set {wildcards.dataset}: obtain and verify"
    shell:
        "python -m benchmarks fetch {params.source:q} --output {output} 2>&1 | tee {log}"
