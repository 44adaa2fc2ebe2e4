"""Networks as their libraries save them, with random weights: python -m tests.torch_networks DIRECTORY, where PyTorch is.

The last layer's weights are large, so that photos get different first classes, and a wrong input shows.
"""

import sys
from pathlib import Path

import timm
import torch
import torchvision
import transformers

NAMES = ("apple", "pear", "plum", "fig", "kiwi", "lime", "date")


def main(out: Path) -> None:
    torch.manual_seed(1)
    _transformers(out)
    _timm(out)
    for arch in ("resnet18", "mobilenet_v3_small"):
        model = _loud(torchvision.models.get_model(arch, num_classes=len(NAMES)))
        torch.save(model.state_dict(), out / f"torchvision-{arch}.pth")
    torch.save({"epoch": 3, "optimizer": {"lr": 0.1}}, out / "no-weights.pth")


def _loud(model: torch.nn.Module) -> torch.nn.Module:
    layers = (torch.nn.Linear, torch.nn.Conv2d)
    last = [each for each in model.modules() if isinstance(each, layers) and each.weight.shape[0] == len(NAMES)][-1]
    with torch.no_grad():
        last.weight.normal_(0, 1)
    return model.eval()


def _transformers(out: Path) -> None:
    hf = transformers
    squash = hf.ViTImageProcessor(size={"height": 96, "width": 96})
    crop = hf.ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875)
    vit = hf.ViTConfig(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, image_size=96)
    networks = {
        "vit": (vit, hf.ViTForImageClassification, squash),
        "convnext": (
            hf.ConvNextConfig(depths=[1, 1, 2, 1], hidden_sizes=[16, 32, 48, 64]),
            hf.ConvNextForImageClassification,
            crop,
        ),
        "resnet": (
            hf.ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], layer_type="basic"),
            hf.ResNetForImageClassification,
            crop,
        ),
        "swin": (
            hf.SwinConfig(image_size=96, window_size=3, patch_size=4, embed_dim=24, depths=[2, 2], num_heads=[2, 4]),
            hf.SwinForImageClassification,
            squash,
        ),
    }
    for name, (config, kind, processor) in networks.items():
        config.id2label = dict(enumerate(NAMES))
        config.label2id = {label: index for index, label in enumerate(NAMES)}
        _loud(kind(config)).save_pretrained(out / f"hf-{name}")
        processor.save_pretrained(out / f"hf-{name}")
    (out / "hf-vit" / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A network\n")
    wrapped = hf.TimmWrapperConfig(architecture="resnet10t", id2label=dict(enumerate(NAMES)))
    _loud(hf.TimmWrapperForImageClassification(wrapped)).save_pretrained(out / "hf-timm-wrapper")
    hf.ViTModel(vit).save_pretrained(out / "hf-no-head")


def _timm(out: Path) -> None:
    for arch in ("resnet18", "vit_tiny_patch16_224", "convnext_atto", "mobilenetv3_small_050"):
        model = _loud(timm.create_model(arch, num_classes=len(NAMES)))
        timm.models.save_for_hf(model, str(out / f"timm-{arch}"), model_config={"label_names": list(NAMES)})
        if arch == "resnet18":
            parallel = {f"module.{name}": each for name, each in model.state_dict().items()}
            torch.save({"state_dict": parallel, "epoch": 3}, out / "timm-resnet18.pth.tar")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
