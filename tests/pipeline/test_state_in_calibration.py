"""A recurrent network is calibrated as it is used: every sample from a fresh state."""

from __future__ import annotations

import numpy as np
import pytest

import compressor

pytestmark = pytest.mark.tensorflow


# The largest input: cells that pass 0.5; cells of a tenth, which take a scale that the kernel does not compute with.
@pytest.fixture(scope="module", params=[0.05, 0.01])
def integrator(tmp_path_factory, request):
    """An LSTM that adds up what it sees: state that leaks from sample to sample grows without end."""
    import tf_keras

    folder = tmp_path_factory.mktemp("integrator")
    rng = np.random.default_rng(3)
    layers = [tf_keras.layers.Input((10, 3)), tf_keras.layers.LSTM(8, name="sum"), tf_keras.layers.Dense(3)]
    model = tf_keras.Sequential(layers)
    shapes = [weight.shape for weight in model.get_weights()]
    kernel, recurrent, bias, *dense = (rng.uniform(-0.4, 0.4, shape).astype(np.float32) for shape in shapes)
    bias[:] = 0
    bias[:8], bias[8:16] = 2.0, 8.0  # the input gate is open, and nothing is forgotten
    kernel[:, 16:24] = np.abs(kernel[:, 16:24]) / 2  # small inputs only ever add to the state
    model.set_weights([kernel, recurrent * 0.3, bias, *dense])
    model.save(folder / "sum.h5", include_optimizer=False, save_format="h5")
    x = np.random.default_rng(0).uniform(0, request.param, (160, 10, 3)).astype(np.float32)
    y = model.predict(x, verbose=0)
    np.savez(folder / "data.npz", x_calibration=x[:80], y_calibration=y[:80], x_evaluation=x[80:], y_evaluation=y[80:])
    return folder


def test_int8_answers_stay_close_to_float(integrator):
    out = integrator / "out"
    limits = compressor.Limits(max_accuracy_drop=1e9)
    report = compressor.run(
        integrator / "sum.h5", "int8", ["coral"], data=integrator / "data.npz", out=out, limits=limits
    )
    row = next(row for row in report.rows if row.stage == "compressed" and row.provenance == "measured")
    # 25 dB when state leaks through all calibration samples, -1 dB when ranges are seen of fresh state only.
    assert row.sqnr_db > 30
