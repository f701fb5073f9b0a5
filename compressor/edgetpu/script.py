"""The command that compiles for an Edge TPU, as a script that lies beside the file."""

FILE, COMPILED = "model.tflite", "model_edgetpu.tflite"
COMPILE = f"""\
#!/bin/sh
# Writes {COMPILED}. The compiler runs on x86-64 Linux: https://coral.ai/docs/edgetpu/compiler/
set -eu
cd "$(dirname "$0")"
edgetpu_compiler -s -o . {FILE}
"""
