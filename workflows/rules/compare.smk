"""Publishing results in the repository, and comparing machines."""


# The rule declares no output: Snakemake deletes outputs before a rule runs, but an interruption must not
# destroy the earlier publication. So whenever the rule is requested, it copies.
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
        "publish: copy the results to {params.into}"
    shell:
        "python -m benchmarks deposit --results {params.results} --into {params.into} 2>&1 | tee {log}"


# Results are not inputs: they are compared as they are, and none is computed for it.
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
        "compare: compare all machines in results/compare/index.html"
    shell:
        "python -m benchmarks compare --results results --output results/compare 2>&1 | tee {log}"
