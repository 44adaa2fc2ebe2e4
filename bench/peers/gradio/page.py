"""An image classifier's page as Gradio's documentation shows one: an image in, a label out, examples. It asks our backend."""

import argparse
import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when it is imported

import gradio as gr
import httpx

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--backend", required=True)
parser.add_argument("--samples", type=Path, required=True)
options = parser.parse_args()
backend = httpx.Client(base_url=options.backend, timeout=60)


def classify(path: str) -> dict[str, float]:
    """Ask the backend about one photo."""
    answer = backend.post("/predict", content=Path(path).read_bytes())
    answer.raise_for_status()
    return {entry["label"]: entry["probability"] for entry in answer.json()["top_k"]}


page = gr.Interface(
    classify,
    gr.Image(type="filepath"),
    gr.Label(num_top_classes=5),
    examples=[str(path) for path in sorted(options.samples.glob("*.jpg"))],
    title="What is in this photo?",
)
page.launch(server_name="127.0.0.1", server_port=options.port, quiet=True)
