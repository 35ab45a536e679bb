"""What explains a training from the inside, measured at its checkpoints."""


rule analyse:
    input:
        data=data_of,
        tuned=TUNED,
    output:
        f"{RESULTS}/analysis/{{dataset}}/{{model}}/{{seed}}.json",
    log:
        f"{RESULTS}/logs/analyse/{{dataset}}/{{model}}/{{seed}}.log",
    conda:
        "../../environment.yml"
    threads: CORES
    resources:
        gpu=1,
    params:
        code=code_of_analysis,
        replicate=analysed_replicate,
        analyses=STUDY.analyses,
        data=lambda wildcards: FINGERPRINTS[
            datasets.file_name(SOURCES[wildcards.dataset])
        ],
        threads=CORES,
        tuned=lambda wildcards, input: f"--tuned {input.tuned}" if input.tuned else "",
        matched=matched_loss,
        shown=SHOWN,
    message:
        "analyse {wildcards.dataset} {wildcards.model} seed {wildcards.seed}: measure at checkpoints"
    shell:
        "python -m benchmarks analyse {input.data} {params.analyses} --replicate {params.replicate:q} {params.tuned} {params.matched} "
        f"--threads {{threads}} --store {STORE} --output {{output}} 2>&1 | tee {{log}} | {{params.shown}}"
