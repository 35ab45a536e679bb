"""The timed jobs; each of them has the machine, or one of its GPUs, to itself."""


rule throughput:
    input:
        data=ancient(DATA),
    output:
        table=f"{RESULTS}/throughput.csv",
        processes=directory(f"{RESULTS}/throughput"),
    log:
        f"{RESULTS}/logs/throughput.log",
    conda:
        "../../environment.yml"
    threads: CORES
    resources:
        gpu=1,
    params:
        code=code_of_frameworks(
            "benchmarks.throughput.job", "benchmarks.throughput.measure"
        ),
        study=timed_json,
        data=FINGERPRINTS,
        # Snakemake runs nothing again because of another number of threads, which results depend on.
        threads=CORES,
        shown=SHOWN,
    message:
        "throughput: time every case in interleaved processes"
    shell:
        "python -m benchmarks throughput {input.data} --study {params.study:q} "
        f"--threads {{threads}} --store {STORE} --output {{output.table}} 2>&1 | tee {{log}} | {{params.shown}}"


rule tune:
    input:
        data=ancient(DATA),
        throughput=rules.throughput.output.table,
        certificates=f"{RESULTS}/traces/certificates.json",
    output:
        f"{RESULTS}/tuned.json",
    log:
        f"{RESULTS}/logs/tune.log",
    conda:
        "../../environment.yml"
    threads: CORES
    resources:
        gpu=1,
    params:
        code=code_of_frameworks("benchmarks.tuning.job"),
        study=tuned_json,
        data=FINGERPRINTS,
        threads=CORES,
        results=study_folder,
        shown=SHOWN,
    message:
        "tune: look for the learning rate of each batch size"
    shell:
        "python -m benchmarks tune {input.data} --study {params.study:q} --results {params.results} "
        f"--threads {{threads}} --store {STORE} 2>&1 | tee {{log}} | {{params.shown}}"


rule train:
    input:
        data=data_of,
        tuned=TUNED,
    output:
        f"{RESULTS}/runs/{{dataset}}/{{model}}/{{framework}}/{{seed}}.json",
    log:
        f"{RESULTS}/logs/train/{{dataset}}/{{model}}/{{framework}}/{{seed}}.log",
    conda:
        "../../environment.yml"
    threads: CORES
    resources:
        gpu=1,
    params:
        code=code_of_training,
        replicate=replicate_of,
        data=lambda wildcards: FINGERPRINTS[
            datasets.file_name(SOURCES[wildcards.dataset])
        ],
        threads=CORES,
        tuned=lambda wildcards, input: f"--tuned {input.tuned}" if input.tuned else "",
        shown=SHOWN,
    message:
        "train {wildcards.dataset} {wildcards.model} {wildcards.framework} seed {wildcards.seed}"
    shell:
        "python -m benchmarks train {input.data} --replicate {params.replicate:q} {params.tuned} "
        f"--threads {{threads}} --store {STORE} --record {{output}} 2>&1 | tee {{log}} | {{params.shown}}"
