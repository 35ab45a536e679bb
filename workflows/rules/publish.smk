"""From the records to summary, tables, figures and report."""


rule summarise:
    input:
        throughput=f"{RESULTS}/throughput.csv",
        records=expand(f"{RESULTS}/runs/{{name}}.json", name=REPLICATES),
        identity=f"{RESULTS}/identity.json",
        cards=CARDS,
        tuned=TUNED,
        batch_sizes=BATCH_SIZES,
        analyses=ANALYSES,
    output:
        expand(
            f"{RESULTS}/{{name}}",
            name=[
                "summary.csv",
                "runs.csv",
                "curves.csv",
                "targets.csv",
                "memory_fit.csv",
                "machine.json",
                "provenance.json",
                *(["rates.csv", "trials.csv", "critical_batch.csv"] if TUNED else []),
                *(["batch_sizes.csv"] if BATCH_SIZES else []),
                *(
                    ["checkpoints.csv", "interpolation.csv", "landscape.csv"]
                    if ANALYSES
                    else []
                ),
            ],
        ),
    log:
        f"{RESULTS}/logs/summarise.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest("benchmarks.summary.summarise"),
        study=study_json,
        machine=MACHINE,
        results=results_folder,
    message:
        "summarise: write one row for each cell"
    shell:
        "python -m benchmarks summarise {input.cards} --study {params.study:q} --machine {params.machine} "
        "--results {params.results} > {log} 2>&1"


rule tables:
    input:
        rules.summarise.output,
        identity=f"{RESULTS}/identity.json",
    output:
        directory(f"{RESULTS}/tables"),
    log:
        f"{RESULTS}/logs/tables.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest("benchmarks.publish.tables", "benchmarks.publish.tables.*"),
        results=results_folder,
    message:
        "tables: write the tables"
    shell:
        "python -m benchmarks tables --results {params.results} > {log} 2>&1"


rule figures:
    input:
        rules.summarise.output,
        identity=f"{RESULTS}/identity.json",
    output:
        directory(f"{RESULTS}/figures"),
    log:
        f"{RESULTS}/logs/figures.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest("benchmarks.publish.figures", "benchmarks.publish.figures.*"),
        results=results_folder,
    message:
        "figures: draw the figures"
    shell:
        "python -m benchmarks figures --results {params.results} > {log} 2>&1"


rule report:
    input:
        rules.summarise.output,
        rules.tables.output,
        rules.figures.output,
        identity=f"{RESULTS}/identity.json",
        templates=expand(
            "benchmarks/publish/{name}.jinja",
            name=["report.html", "parts.html", "style.css"],
        ),
    output:
        report=f"{RESULTS}/report.html",
        recommendations=f"{RESULTS}/recommendations.json",
    log:
        f"{RESULTS}/logs/report.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest(
            "benchmarks.publish.report",
            "benchmarks.publish.figures.*",
            "benchmarks.publish.tables.*",
        ),
        results=results_folder,
    message:
        "report: write {output.report}"
    shell:
        "python -m benchmarks report --results {params.results} 2>&1 | tee {log}"
