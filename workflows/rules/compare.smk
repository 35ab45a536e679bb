"""Results that are committed, and machines compared."""


# No output: Snakemake deletes a rule's output before it runs, and the earlier publication must outlive
# an interruption. Asked for, it always copies.
rule publish:
    input:
        rules.summarise.output,
        rules.tables.output,
        rules.figures.output,
        rules.report.output,
    log:
        f"{RESULTS}/logs/publish.log",
    conda:
        "../../environment.yml"
    params:
        results=results_folder,
        into=f"results/published/{MACHINE}/{STUDY.study}",
    message:
        "publish: to {params.into}"
    shell:
        "python -m benchmarks deposit --results {params.results} --into {params.into} 2>&1 | tee {log}"


# No results as input: they are compared as they lie there, and none is computed anew for it.
rule compare:
    input:
        "benchmarks/compare/page.html.jinja",
        templates=expand(
            "benchmarks/publish/{name}.jinja", name=["parts.html", "style.css"]
        ),
    output:
        "results/compare/compare.csv",
        "results/compare/predictions.csv",
        "results/compare/index.html",
        directory("results/compare/figures"),
        directory("results/compare/tables"),
    log:
        "results/logs/compare.log",
    conda:
        "../../environment.yml"
    params:
        code=code_digest("benchmarks.compare.page"),
        results=digest_of_results,
    message:
        "compare: results/compare/index.html"
    shell:
        "python -m benchmarks compare --results results --output results/compare 2>&1 | tee {log}"
