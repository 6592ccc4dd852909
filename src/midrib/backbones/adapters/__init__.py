"""Models of timm and torchvision as backbones."""
