"""The commands of Batch Atlas: `python -m benchmarks COMMAND`.

`recommend`, `check`, `identity`, `fetch`, `why` and `compare` are meant for direct use. Others are the steps
of a study; each can also be run by hand. A command imports what it needs when it is called, so that no
process imports a framework that it does not train with.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmarks.common.errors import exit_with_message
from benchmarks.common.seals import seal

app = typer.Typer(
    name="python -m benchmarks",
    help="The steps of a study as single commands. `snakemake --cores all` runs all of them in order.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
StudyJson = Annotated[str, typer.Option("--study", help="The study, as JSON.")]
DataFiles = Annotated[list[Path], typer.Argument(help="The files DATASET.npz that fetch wrote.")]
Threads = Annotated[int, typer.Option(help="Number of CPU threads to compute with; 0 is one for each core.")]
Output = Annotated[Path, typer.Option(help="The file to write.")]
Folder = Annotated[Path, typer.Option("--results", help="The folder results/STUDY/MACHINE.")]
Store = Annotated[Path, typer.Option(help="The folder of the store of finished measurements.")]
Config = Annotated[Path, typer.Option(help="The file of the study.")]
Tuned = Annotated[
    Path | None, typer.Option(help="The file that tune wrote, which an arm that is tuned needs.")
]
GoalName = Literal["time", "examples", "accuracy"]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu or gpu.")]


@app.command(epilog="Example: python -m benchmarks identity pytorch keras-jax --config photos.yaml")
def identity(
    names: Annotated[
        list[str] | None, typer.Argument(help="Frameworks to certify instead of those of the study.")
    ] = None,
    config: Config = Path("config/config.yaml"),
    output: Annotated[Path | None, typer.Option(help="File to write the certificates to, as JSON.")] = None,
) -> None:
    """Certify that frameworks compute the same numbers."""
    from benchmarks.identity import certify as identity_certify

    raise typer.Exit(0 if identity_certify.certify(config, names or [], output) else 1)


@app.command(epilog="Example: python -m benchmarks check photos.yaml")
def check(
    config: Annotated[Path, typer.Argument(help="The file of the study.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Check a study and show its grid, its data and how long it may take, without running it."""
    from benchmarks.study import check, preview

    found = preview.preview(check.read_file(config))
    print(found.model_dump_json(indent=1) if as_json else found.text)


@app.command(epilog="Example: python -m benchmarks fetch mnist --output mnist.npz")
def fetch(
    dataset: Annotated[
        str, typer.Argument(help="A data set's name, or your own data: images:PATH, npz:PATH or text:PATH.")
    ],
    output: Output,
) -> None:
    """Obtain a data set, verify it and write it to a file."""
    from benchmarks import datasets

    print(datasets.store(dataset, output).text)
    seal(output, output.with_suffix(".json"))


@app.command(epilog="Example: python -m benchmarks device pytorch")
def device(framework: Annotated[str, typer.Argument(help="The framework.")], device: Device = "auto") -> None:
    """Print the device that a framework computes on, as JSON."""
    from benchmarks.frameworks import devices

    print(devices.device_here(framework, device))


@app.command(
    epilog='Example: python -m benchmarks largest --study "$STUDY" --framework pytorch --output trials.json'
)
def largest(
    study: StudyJson,
    framework: Annotated[str, typer.Option(help="The framework to try.")],
    output: Output,
    threads: Threads = 0,
    at_once: Annotated[int, typer.Option(help="How many processes share the memory.")] = 1,
) -> None:
    """Try which batch sizes of a study fit into memory, and write the trials as JSON."""
    import json

    from benchmarks.common import machine, processor
    from benchmarks.common.files import write_text
    from benchmarks.identity import largest
    from benchmarks.study.study import Study

    asked = Study.model_validate_json(study)
    with machine.leased_gpu(asked.device):
        found = largest.trials_of(asked, framework, threads=threads or processor.cores(), at_once=at_once)
    write_text(json.dumps([each.model_dump() for each in found]), output)


@app.command(
    epilog='Example: python -m benchmarks trace mnist.npz --study "$STUDY" '
    "--framework pytorch --precision float64 --output float64/pytorch.safetensors"
)
def trace(
    data: DataFiles,
    study: StudyJson,
    framework: Annotated[str, typer.Option(help="The framework to trace.")],
    precision: Annotated[str, typer.Option(help="Precision of the traces: float64 or float32.")],
    output: Output,
    reference: Annotated[
        bool, typer.Option("--reference", help="Only what others are compared with.")
    ] = False,
    threads: Threads = 0,
    store: Store = Path("results/store"),
) -> None:
    """Record the traces of a framework on a study, which its certificates are made from."""
    from benchmarks.identity import subjects, traces
    from benchmarks.study.study import Study

    file = subjects.File(framework, precision, certified=not reference)
    traces.write(Study.model_validate_json(study), file, data, threads=threads, store=store, output=output)
    seal(output)


@app.command(
    epilog='Example: python -m benchmarks certify keras pytorch --study "$STUDY" '
    "--traces traces --output certificates.json"
)
def certify(
    names: Annotated[list[str], typer.Argument(help="The frameworks to certify.")],
    study: StudyJson,
    traces: Annotated[Path, typer.Option(help="The folder with the traces, in float64/ and float32/.")],
    output: Output,
) -> None:
    """Compare the traces of frameworks with the reference and write their certificates."""
    from benchmarks.identity import certificate
    from benchmarks.study.study import Study

    certificate.write(Study.model_validate_json(study), names, traces, output)
    seal(output)


@app.command(
    epilog='Example: python -m benchmarks equivalence --study "$STUDY" '
    "--certificates certificates.json --results results/default/lab --output identity.json"
)
def equivalence(
    study: StudyJson,
    certificates: Annotated[Path, typer.Option(help="The file that certify wrote.")],
    results: Folder,
    output: Output,
) -> None:
    """Test whether frameworks converge equivalently over the seeds of a study."""
    from benchmarks.identity import equivalence
    from benchmarks.study.study import Study

    equivalence.write(Study.model_validate_json(study), certificates, results, output)
    seal(output)


@app.command(epilog='Example: python -m benchmarks throughput mnist.npz --study "$STUDY" --output times.csv')
def throughput(
    data: DataFiles,
    study: StudyJson,
    output: Annotated[
        Path, typer.Option(help="The table to write; the timings go to throughput/ in the same folder.")
    ],
    threads: Threads = 0,
    store: Store = Path("results/store"),
) -> None:
    """Time every case of a study in interleaved processes."""
    from benchmarks.study.study import Study
    from benchmarks.throughput import job as throughput_job

    throughput_job.write(Study.model_validate_json(study), data, threads=threads, store=store, output=output)
    seal(output, output.parent / "throughput")


@app.command(
    epilog='Example: python -m benchmarks tune mnist.npz --study "$STUDY" --results results/default/lab'
)
def tune(
    data: DataFiles,
    study: StudyJson,
    results: Folder,
    threads: Threads = 0,
    store: Store = Path("results/store"),
) -> None:
    """Search the learning rates of a study's tuned arms, with the framework that is fastest here."""
    from benchmarks.study import rates
    from benchmarks.study.study import Study
    from benchmarks.tuning import job

    job.write(Study.model_validate_json(study), data, results, threads=threads, store=store)
    seal(results / rates.NAME)


@app.command(epilog='Example: python -m benchmarks train mnist.npz --replicate "$REPLICATE" --record 0.json')
def train(
    data: Annotated[Path, typer.Argument(help="The file that fetch wrote.")],
    replicate: Annotated[str, typer.Option(help="The runs to train, as JSON.")],
    record: Annotated[Path, typer.Option(help="The file of records to write.")],
    tuned: Tuned = None,
    threads: Threads = 0,
    store: Store = Path("results/store"),
) -> None:
    """Train one seed at every batch size, except what the store has, and write the records."""
    from benchmarks.recipe.plan import Replicate
    from benchmarks.training import job

    runs = Replicate.model_validate_json(replicate)
    job.run(runs, data, tuned=tuned, threads=threads, store=store, path=record)


@app.command(
    epilog='Example: python -m benchmarks analyse mnist.npz noise-scale --replicate "$REPLICATE" '
    "--output 0.json"
)
def analyse(
    data: Annotated[Path, typer.Argument(help="The file that fetch wrote.")],
    names: Annotated[list[str], typer.Argument(help="The analyses, as in the study.")],
    replicate: Annotated[str, typer.Option(help="The runs to measure from the inside, as JSON.")],
    output: Output,
    tuned: Tuned = None,
    threads: Threads = 0,
    matched_loss: Annotated[float | None, typer.Option(help="The training loss to compare at.")] = None,
    store: Store = Path("results/store"),
) -> None:
    """Measure the trainings of one seed from the inside, at checkpoints along each of them."""
    from benchmarks.analysis import job
    from benchmarks.recipe.plan import Replicate

    runs = Replicate.model_validate_json(replicate)
    given = {"tuned": tuned, "threads": threads, "store": store, "matched_loss": matched_loss}
    job.run(runs, names, data, path=output, **given)
    seal(output)


@app.command(
    epilog='Example: python -m benchmarks summarise mnist.json --study "$STUDY" '
    "--machine lab --results results/default/lab"
)
def summarise(
    cards: Annotated[list[Path], typer.Argument(help="The cards DATASET.json that fetch wrote.")],
    study: StudyJson,
    machine: Annotated[str, typer.Option(help="The machine's name in the results.")],
    results: Folder,
) -> None:
    """Summarise a study with one row for each cell."""
    from benchmarks.study.study import Study
    from benchmarks.summary import summarise

    seal(*summarise.write(Study.model_validate_json(study), results, cards=cards, slug=machine))


@app.command(epilog="Example: python -m benchmarks tables --results results/default/lab")
def tables(results: Folder) -> None:
    """Write the tables of a study."""
    from benchmarks.publish import tables

    print(f"{tables.write(results)} tables in {results / 'tables'}")
    seal(results / "tables")


@app.command(epilog="Example: python -m benchmarks figures --results results/default/lab")
def figures(results: Folder) -> None:
    """Draw the figures of a study."""
    from benchmarks.publish import figures

    print(f"{', '.join(figures.write(results))} in {results / 'figures'}")
    seal(results / "figures")


@app.command(epilog="Example: python -m benchmarks report --results results/default/lab")
def report(results: Folder) -> None:
    """Write the report of a study, from its tables and figures, and print its findings."""
    from benchmarks.publish import report

    path = report.write(results)
    seal(path, results / "recommendations.json")
    print(f"the report: {path}")


@app.command(
    epilog="Example: python -m benchmarks deposit --results results/default/lab "
    "--into results/published/lab/default"
)
def deposit(
    results: Folder, into: Annotated[Path, typer.Option(help="The folder results/published/MACHINE/STUDY.")]
) -> None:
    """Copy the part of a finished study that is to be committed."""
    from benchmarks.publish import deposit

    print(f"{into}: {deposit.deposit(results, into) / 2**20:.1f} MiB, {deposit.advice(results)}")


@app.command(epilog="Example: python -m benchmarks recommend --dataset mnist --model mlp --memory 8GiB")
def recommend(
    dataset: Annotated[str, typer.Option(help="The data set, by its name in results.")],
    model: Annotated[str, typer.Option(help="The model.")],
    machine: Annotated[str | None, typer.Option(help="The machine, by its name in results.")] = None,
    framework: Annotated[str | None, typer.Option(help="The framework; all of them if not given.")] = None,
    goal: Annotated[GoalName, typer.Option(help="What is to be best.")] = "time",
    memory: Annotated[str | None, typer.Option(help="The memory to stay within, such as 8GiB.")] = None,
    from_batch: Annotated[int | None, typer.Option(help="The batch size whose rate is known.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The learning rate there.")] = None,
    to_batch: Annotated[int | None, typer.Option(help="The batch size whose rate is wanted.")] = None,
    from_noise: Annotated[
        bool, typer.Option("--from-noise", help="By the gradient noise scale of one training.")
    ] = False,
    results: Annotated[Path, typer.Option(help="The folder of all results.")] = Path("results"),
) -> None:
    """Tell which batch size and learning rate to take, or the rate at another batch size, by the results."""
    from benchmarks.common import machine as machines
    from benchmarks.recommend import answer

    if from_noise:
        answer.check_alone(goal, machine, framework, memory, from_batch, learning_rate, to_batch)
        print("\n".join(answer.from_noise(results, (dataset, model))))
        return
    told = answer.answer(
        results,
        (dataset, model),
        machine=machine,
        here=machines.slug("auto"),
        framework=framework,
        goal=goal,
        memory=answer.memory_mib(memory) if memory else None,
        change=answer.wanted_change(from_batch, learning_rate, to_batch),
    )
    print("\n".join(told))


@app.command(epilog="Example: python -m benchmarks why mnist/mlp/keras/sqrt-lr/64")
def why(
    cell: Annotated[str, typer.Argument(help="A cell: DATASET/MODEL/FRAMEWORK/ARM/BATCH_SIZE.")],
    seed: Annotated[int | None, typer.Option(help="The seed; the first of the study if not given.")] = None,
    config: Config = Path("config/config.yaml"),
    data: Annotated[Path, typer.Option(help="The folder of the data sets.")] = Path("results/datasets"),
    store: Store = Path("results/store"),
    tuned: Tuned = None,
    threads: Threads = 0,
) -> None:
    """Tell whether a run will be trained or taken from the store, and what its result depends on."""
    from benchmarks.training import why

    plan, file = why.plan_of(config, cell, seed=seed, tuned=tuned)
    print(why.explain(plan, data=data / file, store=store, threads=threads))


@app.command(epilog="Example: python -m benchmarks sweep --unused-for 30")
def sweep(
    unused_for: Annotated[float, typer.Option(help="Days without use.", show_default=False)] = math.inf,
    disturbed: Annotated[
        bool, typer.Option("--disturbed", help="Remove what was disturbed, to measure it again.")
    ] = False,
    store: Store = Path("results/store"),
) -> None:
    """Remove measurements from the store: what no run has used for a while, or what was disturbed.

    To measure what was disturbed again, run the study with `--forcerun throughput train` after it.
    """
    from benchmarks.common import store as stores

    if unused_for == math.inf and not disturbed:
        raise typer.BadParameter("say what to remove: --unused-for DAYS, --disturbed or both")
    removed = stores.Store(store).sweep(unused_for_s=unused_for * 86400, disturbed=disturbed)
    print(f"{len(removed)} files removed from {store}")


@app.command(epilog="Example: python -m benchmarks columns > docs/columns.md")
def columns() -> None:
    """Print the reference of all columns of the results, in Markdown."""
    from benchmarks.compare import schema
    from benchmarks.summary import columns
    from benchmarks.summary.schema import TABLES, VERSION

    print(columns.reference([*TABLES, *schema.TABLES], version=VERSION), end="")


@app.command(epilog="Example: python -m benchmarks docs")
def docs(root: Annotated[Path, typer.Option(help="The folder of the README and of docs/.")] = Path()) -> None:
    """Write the published numbers into the README and docs/, and draw the README's figure."""
    from benchmarks.publish import docs

    print("\n".join(["figure: docs/images", *(f"changed: {page}" for page in docs.write(root))]))


@app.command(epilog="Example: python -m benchmarks compare")
def compare(
    results: Annotated[Path, typer.Option(help="The folder of all results.")] = Path("results"),
    output: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("results/compare"),
) -> None:
    """Compare all machines that have results."""
    from benchmarks.compare import page

    print(page.write(results, output))


if __name__ == "__main__":
    with exit_with_message():
        app()
