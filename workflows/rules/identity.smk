"""Certificates: the frameworks compute the same numbers, or it is said by what they differ."""


rule trace:
    input:
        data=expand("results/datasets/{dataset}.npz", dataset=DATASETS),
    output:
        f"{RESULTS}/traces/{{framework}}.safetensors",
    log:
        f"{RESULTS}/logs/trace/{{framework}}.log",
    conda:
        "../../environment.yml"
    threads: workflow.cores
    resources:
        gpu=1,
    params:
        code=lambda wildcards: code_of_frameworks("benchmarks.trace"),
        study=TRACED_JSON,
    message:
        "trace {wildcards.framework}: first steps in float64"
    shell:
        "python -m benchmarks.trace --study {params.study:q} --framework {wildcards.framework} "
        "--data {input.data} --output {output} > {log} 2>&1"


rule certify:
    input:
        expand(
            f"{RESULTS}/traces/{{framework}}.safetensors", framework=STUDY.frameworks
        ),
    output:
        f"{RESULTS}/identity.json",
    log:
        f"{RESULTS}/logs/certify.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest("benchmarks.certify"),
        study=TRACED_JSON,
    message:
        "certify: do the frameworks compute the same numbers?"
    shell:
        "python -m benchmarks.certify --study {params.study:q} --traces {input} "
        "--output {output} > {log} 2>&1"
