"""The timed jobs; each of them has the machine, or one of its GPUs, to itself."""


rule throughput:
    input:
        data=expand("results/datasets/{dataset}.npz", dataset=DATASETS),
    output:
        f"{RESULTS}/throughput.csv",
    log:
        f"{RESULTS}/logs/throughput.log",
    conda:
        "../../environment.yml"
    threads: workflow.cores
    resources:
        gpu=1,
    params:
        code=code_of_frameworks(
            "benchmarks.throughput.job", "benchmarks.throughput.measure"
        ),
        study=TIMED_JSON,
        shown=SHOWN,
    message:
        "throughput: time every case in interleaved processes"
    shell:
        "python -m benchmarks throughput {input.data} --study {params.study:q} "
        "--threads {threads} --code {params.code} --output {output} 2>&1 | tee {log} | {params.shown}"


rule train:
    input:
        data="results/datasets/{dataset}.npz",
    output:
        f"{RESULTS}/runs/{{dataset}}/{{model}}/{{framework}}/{{arm}}/{{batch_size}}.json",
    log:
        f"{RESULTS}/logs/train/{{dataset}}/{{model}}/{{framework}}/{{arm}}/{{batch_size}}.log",
    conda:
        "../../environment.yml"
    threads: workflow.cores
    resources:
        gpu=1,
    params:
        code=code_of_cell,
        plan=plan_of,
        shown=SHOWN,
    message:
        "train {wildcards.dataset} {wildcards.model} {wildcards.framework} {wildcards.arm} B={wildcards.batch_size}"
    shell:
        "python -m benchmarks train {input.data} --plan {params.plan:q} "
        "--threads {threads} --code {params.code} --record {output} 2>&1 | tee {log} | {params.shown}"
