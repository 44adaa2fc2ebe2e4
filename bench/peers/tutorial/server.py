"""The usual tutorial: an async endpoint with an eager ResNet-50 inside, which blocks the event loop while it computes."""

import os
from pathlib import Path

import numpy as np
import torch
import uvicorn
from common import PORT, open_image, preprocess
from fastapi import FastAPI, File, UploadFile
from resnet import resnet50

app = FastAPI()
model = resnet50()
labels = (Path(os.environ["BENCH_BUNDLE"]) / "labels.txt").read_text(encoding="utf-8").splitlines()
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of ImageNet, per channel


@app.get("/health")
async def health() -> dict:
    """Answer once the model is built."""
    return {"status": "ok"}


@app.post("/predict")
async def predict(file: UploadFile = File(...)) -> dict:  # noqa: B008
    """Classify one photo, with weights that have learnt nothing."""
    pixels = preprocess(open_image(await file.read()))
    batch = torch.from_numpy(((pixels / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32))
    with torch.no_grad():
        probabilities = model(batch).softmax(1)[0]
    values, indices = probabilities.topk(5)
    top = [{"label": labels[i], "probability": v} for i, v in zip(indices.tolist(), values.tolist(), strict=True)]
    return {"prediction": top[0]["label"], "top_k": top}


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning")
