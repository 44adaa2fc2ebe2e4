"""FastAPI as its documentation shows file uploads: a `def` endpoint, which runs in the thread pool, and UploadFile."""

import uvicorn
from common import PORT, Classifier
from fastapi import FastAPI, UploadFile

app = FastAPI()
classifier = Classifier()


@app.get("/health")
def health() -> dict:
    """Answer once the model is loaded."""
    return {"status": "ok"}


@app.post("/predict")
def predict(file: UploadFile) -> dict:
    """Classify one photo."""
    return classifier(file.file.read())


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, log_level="warning")
