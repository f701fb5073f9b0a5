"""`compressor run`: the whole job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from compressor.ci_options import CiOutputs, ci_options, leave
from compressor.options import (
    Gating,
    data_options,
    debug_option,
    gating_options,
    json_option,
    print_json,
    targets_option,
    threads_option,
    timeout_option,
    training_flags,
)

if TYPE_CHECKING:
    from compressor.training.options import TrainingOptions


@click.command(name="run")
@click.argument("model")
@click.option("--recipe", default="int8", show_default=True, help="A shipped recipe's name or a YAML file.")
@targets_option
@data_options
@click.option("--custom-objects", help="package.module that defines the model's own layers; needs --trust.")
@click.option("--out", type=click.Path(), help="Run folder; default is runs/MODEL-RECIPE.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of every random choice.")
@click.option("--emulate", is_flag=True, help="Also on emulated ARM cores of the targets; see `compressor emulator`.")
@click.option(
    "--emulate-samples", type=click.IntRange(1), default=200, show_default=True, help="How many, as that is slow."
)
@timeout_option
@threads_option
@training_flags
@gating_options
@ci_options
@json_option
@debug_option
def COMMAND(
    model: str,
    recipe: str,
    targets: tuple[str, ...],
    data: str | None,
    preprocess: tuple[str, ...],
    metric: str | None,
    custom_objects: str | None,
    trust: bool,
    out: str | None,
    seed: int,
    timeout: float,
    threads: int,
    emulate: bool,
    emulate_samples: int,
    as_json: bool,
    debug: bool,
    training: TrainingOptions,
    gating: Gating,
    ci: CiOutputs,
) -> int:
    """Compress MODEL, export it for each target, and prove the result.

    MODEL is a sample's name, a .keras, .h5 or .onnx file, or a SavedModel folder. Exit code 1 says
    that a limit is broken or a file could not be made.

    \b
    Example:
      compressor run digits_cnn --recipe int8 --target host --target coral
      compressor run my.h5 --recipe qat_int8 --data my.npz --max-accuracy-drop 0.5
      compressor run my.keras --data photos/ --preprocess divide=255
      compressor run digits_cnn --target raspberry_pi5 --emulate
    """
    from compressor import api, progress
    from compressor.report import findings, terminal

    with progress.bar() as listener:
        report, folder = api.run_into(
            model,
            recipe,
            targets,
            data=data,
            preprocess=preprocess,
            metric=metric,
            custom_objects=custom_objects,
            trust=trust,
            out=out,
            limits=gating.limits,
            policy=gating.policy,
            threads=threads,
            seed=seed,
            timeout=timeout,
            listener=listener,
            debug=debug,
            training=training,
            emulated_samples=emulate_samples if emulate else None,
        )
    leave(ci, findings.of_report(report), folder / "report.json", as_json)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        terminal.show(report, folder, terminal.console())
    return report.exit_code
