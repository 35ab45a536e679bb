"""Certificates that the frameworks compute the same numbers, or how they differ."""


rule trace:
    input:
        data=ancient(DATA),
    output:
        f"{RESULTS}/traces/{{precision}}/{{framework}}.safetensors",
    log:
        f"{RESULTS}/logs/trace/{{precision}}/{{framework}}.log",
    wildcard_constraints:
        precision="float32",
    conda:
        "../../environment.yml"
    resources:
        gpu=gpus_of_trace,
    params:
        code=code_of_trace,
        study=traced_json,
        data=FINGERPRINTS,
        use=use_of_trace,
        # What is certified computes with as many threads as in the study, though several may be traced at once.
        computing=CORES,
        shown=SHOWN,
    message:
        "trace {wildcards.framework}: record the first training steps in {wildcards.precision}"
    # Where several traces share the cores, threads that spin while they wait would keep the others from working.
    # Alone it is the other way about: waking a core that rests takes longer than a small step.
    shell:
        "OMP_WAIT_POLICY=passive python -m benchmarks trace {input.data} --study {params.study:q} --framework {wildcards.framework} "
        "--precision {wildcards.precision} {params.use} --threads {params.computing} "
        f"--store {STORE} --output {{output}} 2>&1 | tee {{log}} | {{params.shown}}"


# They take longest, so they begin first: one that began last would leave the other cores without work.
use rule trace as trace_in_float64 with:
    wildcard_constraints:
        precision="float64",
    priority: 1


rule certify:
    input:
        [f"{RESULTS}/traces/{file.path}" for file in TRACES],
    output:
        f"{RESULTS}/traces/certificates.json",
    log:
        f"{RESULTS}/logs/certify.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest("benchmarks.identity.certificate"),
        study=certified_json,
        frameworks=STUDY.frameworks,
        traces=traces_folder,
    message:
        "certify: compare the traces of all frameworks with the reference"
    shell:
        "python -m benchmarks certify {params.frameworks} --study {params.study:q} "
        "--traces {params.traces} --output {output} > {log} 2>&1"


rule identity:
    input:
        certificates=rules.certify.output,
        tuned=TUNED,
        records=expand(f"{RESULTS}/runs/{{name}}.json", name=REPLICATES),
    output:
        f"{RESULTS}/identity.json",
    log:
        f"{RESULTS}/logs/identity.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest("benchmarks.identity.equivalence"),
        study=study_json,
        results=study_folder,
    message:
        "identity: test whether the frameworks converge equivalently over the seeds"
    shell:
        "python -m benchmarks equivalence --study {params.study:q} --certificates {input.certificates} "
        "--results {params.results} --output {output} > {log} 2>&1"
