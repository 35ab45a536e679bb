"""Data sets, downloaded or generated once, verified, and shared by all studies."""


rule dataset:
    output:
        "results/datasets/{dataset}.npz",
    log:
        "results/logs/datasets/{dataset}.log",
    conda:
        "../../environment.yml"
    params:
        code=lambda wildcards: code_digest(
            "benchmarks.fetch", f"benchmarks.datasets.{wildcards.dataset}"
        ),
    message:
        "data set {wildcards.dataset}: obtain and verify"
    shell:
        "python -m benchmarks.fetch {wildcards.dataset} --output {output} 2>&1 | tee {log}"
