"""The embedded model: EfficientNet-Lite0 for the 1,000 classes of ImageNet. Files only; see NOTICE and docs/model.md."""
